import { fingerprint } from "../../core/fingerprint.ts";
import type { Message, ModelRequest, RehearsalPlan, ToolSpec, ToolUse } from "../../core/provider.ts";
import { extract } from "./extract.ts";
import { sample } from "./sample.ts";
import { seeded } from "./seeded.ts";
import { usesOf } from "./uses.ts";

type Fault = RehearsalPlan["faults"][number];

/**
 * What a rehearsal wants called before it answers: what the plan says, else once in a dialogue the tool that has most to
 * do with the task, its arguments made up from its schema. Nothing where an answer is due.
 */
export function rehearsedUses(request: ModelRequest, fault: Fault | undefined): readonly ToolUse[] {
  const { must_answer, tools = [], messages } = request;
  if (must_answer) return [];
  if (fault?.uses)
    return usesOf(
      fault.uses.map((use) => heard(use.name, use.arguments ?? {}, fault)),
      request,
    );
  const isSpoken = messages.some(({ results, uses }) => results || uses) || isAnswering(fault);
  const tool = isSpoken ? undefined : nearest(tools, taskOf(messages));
  return tool ? usesOf([heard(tool.name, madeUp(tool, taskOf(messages)), fault)], request) : [];
}

/** Does the plan say what is answered, or how that fails? */
const isAnswering = (fault: Fault | undefined): boolean =>
  fault !== undefined && (fault.code ?? fault.malformed ?? fault.truncated ?? fault.answer) !== undefined;

const heard = (name: string, given: unknown, fault: Fault | undefined) => ({
  id: "",
  name,
  text: fault?.malformed ? '{"broken": [' : typeof given === "string" ? given : JSON.stringify(given),
});

const taskOf = (messages: readonly Message[]): string =>
  messages.findLast(({ role, content }) => role === "user" && content !== "")?.content ?? "";

/** The first of those that share most words with the task. */
function nearest(tools: readonly ToolSpec[], task: string): ToolSpec | undefined {
  const asked = wordsOf(task);
  const shared = ({ name, description }: ToolSpec) =>
    [...wordsOf(`${name} ${description}`)].filter((w) => asked.has(w));
  return tools.toSorted((a, b) => shared(b).length - shared(a).length)[0];
}

const wordsOf = (text: string): Set<string> => new Set(text.toLowerCase().match(/\p{L}{3,}/gu) ?? []);

function madeUp({ name, input }: ToolSpec, task: string): unknown {
  const pieces = extract(task, 2000);
  let used = 0;
  const text = (most: number) => [...(pieces[used++ % Math.max(1, pieces.length)] ?? name)].slice(0, most).join("");
  return sample({ type: "object", ...input }, { text, chance: seeded(fingerprint([name, task, input])) });
}
