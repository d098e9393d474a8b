import type {
  CacheControlEphemeral,
  ContentBlockParam,
  MessageCreateParamsStreaming,
  MessageParam,
} from "@anthropic-ai/sdk/resources/messages";
import type { ModelRequest } from "../../core/provider.ts";

type Body = MessageCreateParamsStreaming;

const MARK: CacheControlEphemeral = { type: "ephemeral" };
/** The vendor remembers nothing shorter than 1,024 tokens, and a token has rarely less than three bytes. */
const LEAST_BYTES = 3 * 1024;

const bytesOf = (thing: unknown): number => Buffer.byteLength(JSON.stringify(thing));

/**
 * Tells the vendor what to remember: tools and system, and of the messages the part of the first that others share, or
 * the whole dialogue. Then the end of the turn before is marked too, so that it is found however much one turn adds.
 */
export function marked(body: Body, cache: ModelRequest["cache"]): Body {
  if (cache === undefined) return body;
  const head = bytesOf([body.tools ?? [], body.system ?? ""]);
  const based = head < LEAST_BYTES ? body : markHead(body);
  if (typeof cache === "number") return { ...based, messages: markShared(based.messages, cache, head) };
  const before = body.messages.findLastIndex(({ role }) => role === "assistant") - 1;
  const ends = [before, body.messages.length - 1];
  return {
    ...based,
    messages: based.messages.map((message, at) => {
      const isLong = () => head + bytesOf(body.messages.slice(0, at + 1)) >= LEAST_BYTES;
      return ends.includes(at) && isLong() ? markEnd(message) : message;
    }),
  };
}

function markHead(body: Body): Body {
  const { system, tools } = body;
  if (typeof system === "string") return { ...body, system: [{ type: "text", text: system, cache_control: MARK }] };
  return tools ? { ...body, tools: withLast(tools, (tool) => ({ ...tool, cache_control: MARK })) } : body;
}

function markEnd(message: MessageParam): MessageParam {
  const { content, role } = message;
  if (role !== "user" || (typeof content === "string" && content.trim() === "")) return message;
  const blocks: ContentBlockParam[] = typeof content === "string" ? [{ type: "text", text: content }] : [...content];
  return { role, content: withLast(blocks, mark) };
}

/** The first message in two parts; the first of them is what others begin with too. */
function markShared(messages: readonly MessageParam[], most: number, head: number): MessageParam[] {
  const [first, ...others] = messages;
  if (first?.role !== "user") return [...messages];
  const blocks: ContentBlockParam[] =
    typeof first.content === "string" ? [{ type: "text", text: first.content }] : [...first.content];
  const text = blocks.at(-1);
  if (text?.type !== "text") return [...messages];
  const at = /[\ud800-\udbff]/.test(text.text.charAt(most - 1)) ? most - 1 : most;
  const [shared, own] = [text.text.slice(0, Math.max(0, at)), text.text.slice(Math.max(0, at))];
  const isLong = head + bytesOf([...blocks.slice(0, -1), shared]) >= LEAST_BYTES;
  if (!isLong || shared.trim() === "" || (own !== "" && own.trim() === "")) return [...messages];
  const rest: ContentBlockParam[] = own === "" ? [] : [{ type: "text", text: own }];
  return [
    { ...first, content: [...blocks.slice(0, -1), { type: "text", text: shared, cache_control: MARK }, ...rest] },
    ...others,
  ];
}

/** A thought cannot be marked. */
const mark = (block: ContentBlockParam): ContentBlockParam =>
  block.type === "thinking" || block.type === "redacted_thinking" ? block : { ...block, cache_control: MARK };

const withLast = <T>(all: readonly T[], change: (last: T) => T): T[] =>
  all.map((one, at) => (at === all.length - 1 ? change(one) : one));
