import { sealOf } from "./anthropic-wire.ts";
import { type Body, partsOf, type Said, saidIn } from "./read-asked.ts";
import type { Asked } from "./script.ts";

const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const MOST_MARKS = 4;

/** Why a real vendor would refuse this request with a 400; undefined where it would not. */
export function objectionTo(asked: Asked): string | undefined {
  const { dialect, tools } = asked;
  const names = tools.map(({ name }) => name);
  const bad = names.find((name) => !NAME.test(name));
  if (bad !== undefined) return `tools.name: "${bad}" does not match ${NAME.source}`;
  if (new Set(names).size < names.length) return "tools: Tool names must be unique.";
  return dialect === "openai" ? openai(asked) : anthropic(asked);
}

function openai({ body }: Asked): string | undefined {
  let open: string[] = [];
  for (const [n, said] of saidIn(body).entries()) {
    if (said.role === "tool") {
      if (!open.includes(String(said.tool_call_id))) return `messages.[${n}]: 'tool' must follow its 'tool_calls'`;
      open = open.filter((id) => id !== said.tool_call_id);
      continue;
    }
    if (open.length > 0) return `An assistant message with 'tool_calls' must be followed by results: ${open.join()}`;
    const calls = said.tool_calls ?? [];
    if (calls.some((call) => typeof (call["function"] as Body)["arguments"] !== "string"))
      return `messages.[${n}].tool_calls: arguments must be a string`;
    open = calls.map(({ id }) => String(id));
  }
  return open.length > 0
    ? `An assistant message with 'tool_calls' must be followed by results: ${open.join()}`
    : undefined;
}

function anthropic({ body }: Asked): string | undefined {
  const marks = JSON.stringify(body).match(/"cache_control":\{/g)?.length ?? 0;
  if (marks > MOST_MARKS)
    return `A maximum of ${MOST_MARKS} blocks with cache_control may be provided. Found ${marks}.`;
  const all = saidIn(body);
  for (const [n, said] of all.entries()) {
    const problem = brokenPart(said) ?? unpaired(said, all[n + 1]) ?? unasked(said, all[n - 1]);
    if (problem) return `messages.${n}: ${problem}`;
  }
  return undefined;
}

function brokenPart({ content }: Said): string | undefined {
  for (const part of partsOf(content)) {
    if (Array.isArray(content) && part.type === "text" && String(part["text"]).trim() === "")
      return "text content blocks must be non-empty";
    if (part.type === "thinking" && part["signature"] !== sealOf(String(part["thinking"])))
      return "Invalid `signature` in `thinking` block";
    if (part.type === "tool_use" && (typeof part["input"] !== "object" || part["input"] === null))
      return "tool_use.input: Input should be a valid dictionary";
  }
  return undefined;
}

const idsOf = (said: Said | undefined, type: string, key: string): string[] =>
  partsOf(said?.content)
    .filter((part) => part.type === type)
    .map((part) => String(part[key]));

function unpaired(said: Said, next: Said | undefined): string | undefined {
  const results = new Set(idsOf(next, "tool_result", "tool_use_id"));
  const open = idsOf(said, "tool_use", "id").filter((id) => !results.has(id));
  return open.length > 0 ? `tool_use ids were found without tool_result blocks right after: ${open.join()}` : undefined;
}

function unasked(said: Said, before: Said | undefined): string | undefined {
  const asked = new Set(idsOf(before, "tool_use", "id"));
  const odd = idsOf(said, "tool_result", "tool_use_id").filter((id) => !asked.has(id));
  return odd.length > 0 ? `unexpected tool_use_id in tool_result blocks: ${odd.join()}` : undefined;
}
