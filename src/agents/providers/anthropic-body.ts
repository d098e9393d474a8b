import type { MessageCreateParamsStreaming, Tool, ToolUnion } from "@anthropic-ai/sdk/resources/messages";
import type { JsonSchema, ModelRequest, ShapeMode, ToolSpec } from "../../core/provider.ts";
import { messageOf } from "./anthropic-blocks.ts";
import { marked } from "./anthropic-marks.ts";
import { effortTold, type MostEffort } from "./lessons.ts";
import { systemText } from "./shapes.ts";

/** How a request is put: the shape in the vendor's own words or in ours, and the most effort that can be told. */
export interface Put {
  readonly provider: string;
  readonly mode: ShapeMode | undefined;
  readonly format: JsonSchema | undefined;
  readonly effort: MostEffort;
}

/** A request as Anthropic's messages have it: what stays the same from turn to turn stands first, and is marked. */
export function bodyOf(request: ModelRequest, put: Put): MessageCreateParamsStreaming {
  const { model, messages, max_output_tokens, cache, must_answer } = request;
  const system = systemText(request, put.mode);
  const tools = toolsOf(request);
  const config = configOf(request, put);
  const body: MessageCreateParamsStreaming = {
    model,
    max_tokens: max_output_tokens,
    messages: messages.map((message) => messageOf(message, put.provider)),
    stream: true,
    ...(system !== "" && { system }),
    ...(tools.length > 0 && { tools, ...(must_answer && { tool_choice: { type: "none" } }) }),
    ...(config && { output_config: config }),
  };
  return marked(body, cache);
}

function configOf({ effort }: ModelRequest, put: Put): MessageCreateParamsStreaming["output_config"] {
  const told = effortTold(effort, put.effort);
  if (!put.format && !told) return undefined;
  return {
    ...(told && { effort: told }),
    ...(put.format && { format: { type: "json_schema", schema: { ...put.format } } }),
  };
}

function toolsOf({ tools = [], web_search }: ModelRequest): ToolUnion[] {
  // The oldest form of the vendor's search is the one that every model of it takes.
  const search: ToolUnion[] = web_search
    ? [{ type: "web_search_20250305", name: "web_search", max_uses: web_search.max_uses }]
    : [];
  return [...tools.map(toolOf), ...search];
}

const CHOICES = ["anyOf", "oneOf", "allOf"];

/** The vendor takes an object without choices at its top; what it does not take is told in words. */
function toolOf({ name, description, input }: ToolSpec): Tool {
  const beside = Object.entries(input).filter(([key]) => CHOICES.includes(key));
  const plain = Object.fromEntries(Object.entries(input).filter(([key]) => !CHOICES.includes(key)));
  const also = beside.length > 0 ? `\nIts input must also fit: ${JSON.stringify(Object.fromEntries(beside))}` : "";
  return { name, description: description + also, input_schema: { ...plain, type: "object" } };
}
