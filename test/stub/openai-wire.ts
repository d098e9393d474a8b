import type { Asked, Reply, ScriptedSearch } from "./script.ts";
import { argumentsOf, type Counted, type Said, split, sse, type Wire } from "./wire.ts";

const FINISH = { end: "stop", length: "length", refusal: "content_filter", pause: "stop" };

/** An answer in the bytes of chat completions. */
export function openai(asked: Asked, said: Said, reply: Reply, counted: Counted | undefined): Wire {
  const { stop = "end", odd = [], uses = [], searches = [], thought } = reply;
  const head = { id: `chatcmpl-${asked.n}`, created: 1, model: asked.model };
  const calls = callsOf(asked, reply);
  const calling = odd.includes("function_call") ? "function_call" : "tool_calls";
  const finish = uses.length > 0 && stop === "end" && !odd.includes("says_stop") ? calling : FINISH[stop];
  const chunk = (choices: unknown[], more: object = {}) =>
    sse({ ...head, object: "chat.completion.chunk", choices, ...more });
  const wantsUsage = (asked.body["stream_options"] as { include_usage?: boolean } | undefined)?.include_usage === true;
  const usage = usageOf(counted);
  const annotations = searches.flatMap(cited);
  const deltas = [
    ...(thought === undefined ? [] : [{ reasoning_content: thought }]),
    ...said.parts.map((content) => ({ content })),
    ...(annotations.length > 0 ? [{ annotations }] : []),
    ...deltasOf(calls, reply),
  ];
  const message = { role: "assistant", content: said.text === "" && uses.length > 0 ? null : said.text };
  const told =
    uses.length === 0
      ? {}
      : odd.includes("function_call")
        ? { function_call: calls[0]?.function }
        : { tool_calls: calls };
  return {
    pieces: deltas.map((delta, i) =>
      chunk([{ index: 0, delta: i === 0 ? { role: "assistant", ...delta } : delta, finish_reason: null }]),
    ),
    end:
      chunk([{ index: 0, delta: {}, finish_reason: finish }]) +
      (usage && wantsUsage ? chunk([], { usage }) : "") +
      "data: [DONE]\n\n",
    plain: JSON.stringify({
      ...head,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { ...message, ...told, ...(annotations.length > 0 && { annotations }) },
          finish_reason: finish,
        },
      ],
      ...(usage && { usage }),
    }),
    error: sse({ error: { message: "the server had an error in the stream", type: "server_error" } }),
  };
}

const usageOf = (counted: Counted | undefined) =>
  counted && {
    prompt_tokens: counted.input,
    completion_tokens: counted.output,
    total_tokens: counted.input + counted.output,
    prompt_tokens_details: { cached_tokens: counted.cached, cache_write_tokens: counted.cache_write },
    completion_tokens_details: { reasoning_tokens: counted.reasoning },
    ...(counted.cost !== undefined && { cost: counted.cost }),
  };

interface Call {
  readonly id?: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: unknown };
}

function callsOf({ n }: Asked, reply: Reply): Call[] {
  const { uses = [], odd = [] } = reply;
  return uses.map((use, i) => ({
    ...(!odd.includes("no_ids") && { id: use.id ?? `call_${n}_${i}` }),
    type: "function",
    function: { name: use.name, arguments: odd.includes("parsed") ? use.arguments : argumentsOf(reply, i) },
  }));
}

function deltasOf(calls: readonly Call[], { odd = [], chunks = 2 }: Reply): object[] {
  if (odd.includes("function_call")) {
    const [first] = calls;
    if (!first) return [];
    const pieces = split(String(first.function.arguments), chunks);
    return [
      { function_call: { name: first.function.name, arguments: "" } },
      ...pieces.map((text) => ({ function_call: { arguments: text } })),
    ];
  }
  const index = (i: number) => (odd.includes("no_index") ? {} : { index: i });
  if (odd.includes("whole") || odd.includes("parsed") || odd.includes("no_index"))
    return calls.map((call, i) => ({ tool_calls: [{ ...index(i), ...call }] }));
  return calls.flatMap((call, i) => [
    { tool_calls: [{ ...index(i), ...call, function: { ...call.function, arguments: "" } }] },
    ...split(String(call.function.arguments), chunks).map((text) => ({
      tool_calls: [{ ...index(i), function: { arguments: text } }],
    })),
  ]);
}

const cited = ({ found = [] }: ScriptedSearch): object[] =>
  found.map(({ url, title }) => ({ type: "url_citation", url_citation: { start_index: 0, end_index: 1, url, title } }));
