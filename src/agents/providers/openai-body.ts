import type {
  ChatCompletionContentPart,
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from "openai/resources/chat/completions";
import type { Media, Message, ModelRequest, ShapeMode, ToolSpec } from "../../core/provider.ts";
import { effortTold } from "./lessons.ts";
import type { Manner } from "./openai-manner.ts";
import { isStrict, systemText } from "./shapes.ts";
import { givenBack, plainId } from "./uses.ts";

/** A request as chat completions have it: what stays the same from turn to turn stands first, so that it can be cached. */
export function bodyOf(
  provider: string,
  request: ModelRequest,
  mode: ShapeMode | undefined,
  manner: Manner,
): ChatCompletionCreateParamsStreaming {
  const { model, messages, shape, temperature, max_output_tokens } = request;
  const system = systemText(request, mode);
  const effort = effortTold(request.effort, manner.effort);
  return {
    model,
    ...toolsOf(request, manner),
    messages: [
      ...(system === "" ? [] : [{ role: "system" as const, content: system }]),
      ...messages.flatMap((message) => messagesOf(message, provider)),
    ],
    stream: true,
    stream_options: { include_usage: true },
    [manner.field]: max_output_tokens,
    ...(temperature !== undefined && manner.temperature && { temperature }),
    ...(effort && { reasoning_effort: effort }),
    ...(shape && mode === "json" && { response_format: { type: "json_object" } }),
    ...(shape &&
      mode === "schema" && {
        response_format: {
          type: "json_schema",
          json_schema: { name: "answer", strict: isStrict(shape), schema: shape },
        },
      }),
  };
}

type Tools = Pick<ChatCompletionCreateParamsStreaming, "tools" | "tool_choice">;

function toolsOf({ tools = [], must_answer }: ModelRequest, manner: Manner): Tools {
  if (tools.length === 0 || (must_answer && !manner.choice)) return {};
  return { tools: tools.map((tool) => toolOf(tool, manner)), ...(must_answer && { tool_choice: "none" }) };
}

function toolOf({ name, description, input }: ToolSpec, { strict }: Manner): ChatCompletionTool {
  const parameters = input["type"] === "object" ? { properties: {}, ...input } : { ...input };
  const isStrictly = strict && isStrict(input);
  return { type: "function", function: { name, description, parameters, ...(isStrictly && { strict: true }) } };
}

/** One message of ours is several of theirs where it has results. */
function messagesOf(message: Message, provider: string): ChatCompletionMessageParam[] {
  if (message.role === "assistant") return [assistantOf(message, provider)];
  const { content, results = [], media = [] } = message;
  const told = results.map(({ id, content: text, is_error }) => ({
    role: "tool" as const,
    tool_call_id: plainId(id),
    content: is_error ? `Error: ${text}` : text,
  }));
  if (media.length > 0) {
    const text = content === "" ? [] : [{ type: "text" as const, text: content }];
    return [...told, { role: "user", content: [...media.map(partOf), ...text] }];
  }
  return content === "" && told.length > 0 ? told : [...told, { role: "user", content }];
}

function assistantOf({ content, uses = [], kept }: Message, provider: string): ChatCompletionMessageParam {
  if (uses.length === 0) return { role: "assistant", content };
  const [around = {}, ...beside] = kept?.provider === provider ? (kept.blocks as readonly object[]) : [];
  const tool_calls = uses.map(({ id, name, arguments: given }, at) => ({
    ...beside[at],
    id: plainId(id),
    type: "function" as const,
    function: { name, arguments: JSON.stringify(givenBack(given)) },
  }));
  return { role: "assistant", content: content === "" ? null : content, ...around, tool_calls };
}

function partOf({ type, data, name }: Media): ChatCompletionContentPart {
  const url = `data:${type};base64,${data}`;
  if (type === "application/pdf") return { type: "file", file: { filename: name ?? "document.pdf", file_data: url } };
  return { type: "image_url", image_url: { url } };
}
