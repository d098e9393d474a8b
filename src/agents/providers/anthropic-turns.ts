import type { MessageCreateParamsStreaming } from "@anthropic-ai/sdk/resources/messages";
import type { ModelReply, ModelRequest, ShapeMode, ToolUse } from "../../core/provider.ts";
import type { Tokens } from "../../core/usage.ts";
import type { AnthropicAnswer } from "./anthropic-answer.ts";
import { guessedTokens } from "./usage.ts";

/** How often an answer that the vendor paused is taken up again. */
export const MOST_TURNS = 4;

/** What is still free of what one answer may use, after its turns so far. */
export function left(request: ModelRequest, turns: readonly AnthropicAnswer[]): ModelRequest {
  const output = turns.reduce((sum, { tokens }) => sum + (tokens?.output ?? request.max_output_tokens), 0);
  const { web_search } = request;
  const max_uses = (web_search?.max_uses ?? 0) - searchesIn(turns);
  const { web_search: _, ...rest } = request;
  return {
    ...rest,
    max_output_tokens: Math.max(0, request.max_output_tokens - output),
    // The tool stays in its place where nothing is left of it: what was paused refers to it.
    ...(web_search && { web_search: { max_uses: Math.max(1, max_uses) } }),
  };
}

/** A paused answer is taken up where it stopped: all that was said is given back, as it came. */
export function resumed(
  body: MessageCreateParamsStreaming,
  turns: readonly AnthropicAnswer[],
): MessageCreateParamsStreaming {
  if (turns.length === 0) return body;
  const content = turns.flatMap((turn) => turn.blocks([]));
  return { ...body, messages: [...body.messages, { role: "assistant", content }] };
}

const searchesIn = (turns: readonly AnthropicAnswer[]): number => turns.reduce((sum, turn) => sum + turn.searches, 0);

/** What the reply is for: who answers, what was asked, and what its input is at the most. */
export interface Occasion {
  readonly provider: string;
  readonly request: ModelRequest;
  readonly mode: ShapeMode | undefined;
  readonly search_usd: number | undefined;
  readonly bound: () => number;
}

/** All turns of an answer as one reply, with the bill of all of them. */
export function replyOf(turns: readonly AnthropicAnswer[], last: AnthropicAnswer, occasion: Occasion): ModelReply {
  const { mode, search_usd = 0 } = occasion;
  const searches = searchesIn(turns);
  return {
    text: textOf(turns, occasion.request),
    ...billOf(turns, occasion),
    ...endingOf(turns, last, occasion),
    ...(searches > 0 && { searches, fees: searches * search_usd }),
    ...(mode && { mode }),
    ...(last.model !== undefined && { model: last.model }),
    ...(last.id !== undefined && { id: last.id }),
  };
}

/** With the pages that it cites below it, unless it is to be a value of some shape. */
function textOf(turns: readonly AnthropicAnswer[], { shape }: ModelRequest): string {
  const text = turns
    .map((turn) => turn.text)
    .filter((part) => part !== "")
    .join("\n\n");
  const sources = [...new Set(turns.flatMap((turn) => turn.sources))];
  return shape || sources.length === 0 ? text : `${text}\n\nSources:\n${sources.join("\n")}`;
}

function billOf(
  turns: readonly AnthropicAnswer[],
  { request, bound }: Occasion,
): Pick<ModelReply, "tokens" | "estimated"> {
  const told = turns.flatMap(({ tokens }) => tokens ?? []);
  if (told.length < turns.length)
    return guessedTokens(bound(), turns.map((turn) => turn.all).join(""), request.max_output_tokens);
  return { tokens: told.reduce(plus) };
}

const plus = (a: Tokens, b: Tokens): Tokens => ({
  input: a.input + b.input,
  cached: a.cached + b.cached,
  cache_write: a.cache_write + b.cache_write,
  output: a.output + b.output,
  reasoning: a.reasoning + b.reasoning,
});

/** Calls win over an ending that a gateway tells as any other; what was cut off or declined wants nothing done. */
function endingOf(
  turns: readonly AnthropicAnswer[],
  last: AnthropicAnswer,
  { provider, request }: Occasion,
): Pick<ModelReply, "stop" | "uses" | "kept"> {
  const stop = STOPS[last.stop] ?? "end";
  const uses: readonly ToolUse[] = stop === "end" ? last.uses(request) : [];
  const sealed = turns.some(({ isSealed }) => isSealed) && (uses.length > 0 || searchesIn(turns) > 0);
  const blocks = turns.flatMap((turn) => turn.blocks(turn === last ? uses : []));
  return {
    stop: uses.length > 0 ? "tools" : stop,
    ...(uses.length > 0 && { uses }),
    ...(stop === "end" && sealed && { kept: { provider, blocks } }),
  };
}

/** What is still paused at the last is not finished. */
const STOPS: Readonly<Record<string, ModelReply["stop"]>> = {
  refusal: "refusal",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  pause_turn: "length",
};
