import type { Asked, AskedResult, AskedTool } from "./script.ts";

export type Body = Readonly<Record<string, unknown>>;

export interface Part extends Body {
  readonly type?: unknown;
}

export interface Said {
  readonly role: string;
  readonly content: unknown;
  readonly tool_calls?: readonly Body[];
  readonly tool_call_id?: string;
}

export const saidIn = (body: Body): readonly Said[] => (body["messages"] as Said[] | undefined) ?? [];

export const partsOf = (content: unknown): readonly Part[] =>
  Array.isArray(content) ? content : typeof content === "string" ? [{ type: "text", text: content }] : [];

/** Reads a request of either dialect. */
export function readAsked(dialect: Asked["dialect"], body: Body, n: number): Asked {
  const all = saidIn(body);
  const messages = all.map(({ role, content }) => ({ role, content: textOf(content) }));
  const systems = messages.filter(({ role }) => role === "system" || role === "developer");
  const system = dialect === "anthropic" ? textOf(body["system"]) : systems.map((m) => m.content).join("\n");
  const format = (
    dialect === "anthropic" ? (body["output_config"] as Body | undefined)?.["format"] : body["response_format"]
  ) as Body | undefined;
  const shape = format?.["schema"] ?? (format?.["json_schema"] as Body | undefined)?.["schema"];
  return {
    dialect,
    n,
    body,
    system,
    messages,
    model: String(body["model"]),
    user: messages.findLast(({ role, content }) => role === "user" && content !== "")?.content ?? "",
    tools: toolsIn(body),
    may_call: mayCall(body["tool_choice"]),
    results: resultsIn(dialect, all),
    beside: besideIn(body),
    stream: body["stream"] === true,
    ...(format && { format: String(format["type"]) }),
    ...(shape !== undefined && { shape: shape as Body }),
  };
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map((part) => String(part?.text ?? "")).join("") : "";
}

/** What the vendor offers itself has a type of its own and is none of these. */
function toolsIn(body: Body): AskedTool[] {
  const all = (body["tools"] as Body[] | undefined) ?? [];
  return all.flatMap((tool) => {
    const told = (tool["function"] as Body | undefined) ?? tool;
    const input = told["parameters"] ?? told["input_schema"];
    if (input === undefined) return [];
    return { name: String(told["name"]), description: String(told["description"] ?? ""), input };
  });
}

const mayCall = (choice: unknown): boolean => choice !== "none" && (choice as Body | undefined)?.["type"] !== "none";

function resultsIn(dialect: Asked["dialect"], all: readonly Said[]): AskedResult[] {
  const since = all.slice(all.findLastIndex(({ role }) => role === "assistant") + 1);
  if (dialect === "openai") {
    const told = since.filter(({ role }) => role === "tool");
    return told.map(({ tool_call_id, content }) => {
      const text = textOf(content);
      return { id: String(tool_call_id), content: text, is_error: /^(error|failed)/i.test(text) };
    });
  }
  const parts = since.flatMap(({ content }) => partsOf(content)).filter(({ type }) => type === "tool_result");
  return parts.map((part) => ({
    id: String(part["tool_use_id"]),
    content: textOf(part["content"]),
    is_error: part["is_error"] === true,
  }));
}

const MEDIA = new Set(["image", "document", "image_url", "file"]);
const MEDIA_BYTES = 4000;

/** What a part weighs that is no text. */
export function weightOf(part: Part): number {
  if (MEDIA.has(String(part.type))) return MEDIA_BYTES;
  if (part.type === "text") return Buffer.byteLength(String(part["text"]));
  return Buffer.byteLength(JSON.stringify({ ...part, cache_control: undefined }));
}

function besideIn(body: Body): number {
  const tools = (body["tools"] as Part[] | undefined) ?? [];
  const parts = saidIn(body).flatMap(({ content, tool_calls = [] }) => [
    ...partsOf(content).filter(({ type }) => type !== "text"),
    ...tool_calls,
  ]);
  return [...tools, ...parts].reduce((sum, part) => sum + weightOf(part), 0);
}
