import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openProviders } from "../../src/agents/providers/index.ts";
import type { Message, ModelReply, ModelRequest, Provider, ToolSpec } from "../../src/core/provider.ts";
import type { Reply, Script } from "../stub/script.ts";
import { startVendor, type Vendor } from "../stub/vendor.ts";
import { hooks, quiet, request } from "./asking.ts";

let vendor: Vendor;

beforeAll(async () => {
  vendor = await startVendor();
});
afterEach(() => vendor.forget());
afterAll(() => vendor.close());

function open(id: string): Provider {
  const url = { OPENAI_BASE_URL: vendor.v1, ANTHROPIC_BASE_URL: vendor.origin };
  return openProviders({}, { OPENAI_API_KEY: "k", ANTHROPIC_API_KEY: "k", ...url }, quiet).get(id)!;
}

const READ: ToolSpec = {
  name: "files_read",
  description: "Reads a file.",
  input: { type: "object", properties: { path: { type: "string" } }, required: ["path"], additionalProperties: false },
};
const LIST: ToolSpec = { name: "files_list", description: "Lists a folder.", input: { type: "object" } };
const tools = [READ, LIST];

function ask(provider: Provider, script: Script, more: Partial<ModelRequest> = {}): Promise<ModelReply> {
  vendor.follow(script);
  return provider.complete(request({ tools, ...more }), hooks());
}

const always = (reply: Reply) => () => reply;
const two = {
  uses: [
    { name: "files_read", arguments: { path: "ä.md" } },
    { name: "files_list", arguments: { deep: true } },
  ],
};
const said = (reply: ModelReply): Message => ({
  role: "assistant",
  content: reply.text,
  ...(reply.uses && { uses: reply.uses }),
  ...(reply.kept && { kept: reply.kept }),
});

describe.each(["openai", "anthropic"])("%s", (id) => {
  it("offers tools, and tells which the model wants called, with what arguments", async () => {
    const reply = await ask(open(id), always({ ...two, text: "Let me look.", chunks: 5 }));
    expect(reply).toMatchObject({ text: "Let me look.", stop: "tools" });
    expect(reply.uses?.map(({ name, arguments: given }) => [name, given])).toEqual([
      ["files_read", { path: "ä.md" }],
      ["files_list", { deep: true }],
    ]);
    expect(new Set(reply.uses?.map((use) => use.id)).size).toBe(2);
    expect(vendor.requests[0]?.tools).toEqual(["files_read", "files_list"]);
  });

  it("gives results back to the calls they are of, errors as errors, and the whole dialogue is taken", async () => {
    const provider = open(id);
    const first = await ask(provider, always(two));
    const [read, list] = first.uses!;
    const results = [
      { id: read!.id, content: "It says 42." },
      { id: list!.id, content: "no such folder", is_error: true },
    ];
    const start = request().messages[0]!;
    const script = [{ when: { result: "42" }, reply: { text: "42 it is." } }];
    const messages: Message[] = [start, said(first), { role: "user", content: "Go on.", results }];
    expect(await ask(provider, script, { messages })).toMatchObject({ text: "42 it is.", stop: "end" });
    const seen = vendor.requests.at(-1)!;
    expect(seen.results.map(({ id: of, is_error }) => [of, is_error])).toEqual([
      [read!.id, false],
      [list!.id, true],
    ]);
    expect(seen.user).toBe("Go on.");
    const alone: Message[] = [start, said(first), { role: "user", content: "", results }];
    expect(await ask(provider, script, { messages: alone })).toMatchObject({ text: "42 it is." });
    expect(vendor.requests.at(-1)?.user).toBe(start.content);
  });

  it("a call that came without an id, or under one that was taken, has one of its own in its dialogue", async () => {
    const provider = open(id);
    const twins = {
      uses: [
        { name: "files_read", id: "x" },
        { name: "files_list", id: "x" },
      ],
    };
    const first = await ask(provider, always({ ...two, odd: ["no_ids"] }));
    const results = first.uses!.map((use) => ({ id: use.id, content: "done" }));
    const messages: Message[] = [request().messages[0]!, said(first), { role: "user", content: "", results }];
    const second = await ask(provider, always({ ...twins, odd: id === "openai" ? ["whole"] : [] }), { messages });
    expect(second.uses).toHaveLength(2);
    expect(new Set([...first.uses!, ...second.uses!].map((use) => use.id)).size).toBe(4);
    const more = second.uses!.map((use) => ({ id: use.id, content: "done" }));
    const all: Message[] = [...messages, said(second), { role: "user", content: "", results: more }];
    expect(await ask(provider, always({ text: "ok" }), { messages: all })).toMatchObject({ text: "ok" });
  });

  it("arguments that are no JSON stay the text that they are, and the dialogue can go on", async () => {
    const provider = open(id);
    const reply = await ask(provider, always({ uses: [{ name: "files_read", arguments: "{path: " }] }));
    expect(reply).toMatchObject({ stop: "tools", uses: [{ name: "files_read", arguments: "{path: " }] });
    const results = [{ id: reply.uses![0]!.id, content: "That was no JSON.", is_error: true }];
    const messages: Message[] = [request().messages[0]!, said(reply), { role: "user", content: "", results }];
    expect(await ask(provider, always({ text: "Sorry." }), { messages })).toMatchObject({ text: "Sorry." });
  });

  it("no arguments at all are an empty object", async () => {
    const reply = await ask(open(id), always({ uses: [{ name: "files_list", arguments: "" }] }));
    expect(reply.uses).toMatchObject([{ arguments: {} }]);
  });

  it("an answer cut off in the middle of a call wants nothing done", async () => {
    const reply = await ask(open(id), always({ ...two, stop: "length" }));
    expect(reply.stop).toBe("length");
    expect(reply).not.toHaveProperty("uses");
  });

  it("calls win over an ending that is told as any other", async () => {
    expect(await ask(open(id), always({ ...two, odd: ["says_stop"] }))).toMatchObject({ stop: "tools" });
  });

  it("a server that answers in one piece of JSON is understood, calls and all", async () => {
    const reply = await ask(open(id), always({ ...two, text: "So:", fault: "plain" }));
    expect(reply).toMatchObject({ text: "So:", stop: "tools", uses: [{ arguments: { path: "ä.md" } }, {}] });
  });

  it("where an answer is due, the tools stay in sight and none may be called", async () => {
    const script = [{ when: { may_call: false }, reply: { text: "All I know." } }, { reply: two }];
    expect(await ask(open(id), script, { must_answer: true })).toMatchObject({ text: "All I know.", stop: "end" });
    expect(vendor.requests[0]?.tools).toHaveLength(2);
  });

  it("a model that cannot use tools is said to be one, and is not asked without them", async () => {
    const message = "registry.ollama.ai/library/m does not support tools";
    const call = ask(open(id), always({ status: 400, body: { error: { message } } }));
    await expect(call).rejects.toMatchObject({
      code: "BAD_REQUEST",
      options: { billed: "nothing", hint: expect.stringContaining("cannot use tools") },
    });
    expect(vendor.requests).toHaveLength(1);
  });

  it("a shape is asked for beside tools; where that is refused, in words, and only beside tools", async () => {
    const provider = open(id);
    const shape = {
      type: "object",
      properties: { a: { type: "string" } },
      required: ["a"],
      additionalProperties: false,
    };
    const message = "response_format / output_config.format cannot be combined with tools";
    const script: Script = ({ format, tools: offered }) =>
      format && offered.length > 0 ? { status: 400, body: { error: { message } } } : { json: { a: "b" } };
    expect(await ask(provider, script, { shape })).toMatchObject({ mode: "text", text: '{"a":"b"}' });
    expect(vendor.requests.at(-1)?.tools).toHaveLength(2);
    expect(await ask(provider, script, { shape, tools: [] })).toMatchObject({ mode: "schema" });
  });

  it("effort is told; less of it where the most is refused, and none where it is unknown", async () => {
    const provider = open(id);
    const effortIn = (body: Readonly<Record<string, unknown>>) =>
      body["reasoning_effort"] ?? (body["output_config"] as { effort?: string } | undefined)?.effort;
    const refusing =
      (bad: readonly unknown[]): Script =>
      ({ body }) =>
        bad.includes(effortIn(body))
          ? { status: 400, body: { error: { message: "Unsupported reasoning_effort" } } }
          : {};
    await ask(provider, refusing(["xhigh"]), { effort: "xhigh" });
    expect(vendor.requests.map(({ body }) => effortIn(body!))).toEqual(["xhigh", "high"]);
    vendor.forget();
    await ask(provider, refusing(["high", "low"]), { effort: "low" });
    await ask(provider, refusing(["high", "low"]), { effort: "low" });
    expect(vendor.requests.map(({ body }) => effortIn(body!))).toEqual(["low", undefined, undefined]);
  });

  it("the bound is above what the vendor counts for tools, calls and results", async () => {
    const provider = open(id);
    const first = await ask(provider, always(two));
    const results = first.uses!.map((use) => ({ id: use.id, content: "𒀀".repeat(500) }));
    const messages: Message[] = [request().messages[0]!, said(first), { role: "user", content: "", results }];
    const plain = request({ messages: messages.slice(0, 1) });
    const whole = request({ messages, tools });
    const sent = JSON.stringify([tools, first.uses, results]);
    expect(provider.bound(whole)).toBeGreaterThan(provider.bound(plain) + Buffer.byteLength(sent));
  });
});

describe("servers that speak chat completions each in their way", () => {
  it.each(["whole", "no_index", "function_call", "parsed"] as const)("%s calls are understood", async (odd) => {
    const uses = odd === "function_call" ? two.uses.slice(0, 1) : two.uses;
    for (const ids of [[], ["no_ids"]] as const) {
      const reply = await ask(open("openai"), always({ uses, odd: [odd, ...ids] }));
      const wanted = uses.map(({ name, arguments: given }) => [name, given]);
      expect(reply.uses?.map(({ name, arguments: given }) => [name, given])).toEqual(wanted);
    }
  });

  it("a tool is strict only where its schema allows that, and not where that is refused", async () => {
    const provider = open("openai");
    const strict = (at: number) =>
      (vendor.requests[at]!.body!["tools"] as { function: { strict?: boolean } }[]).map((tool) => tool.function.strict);
    const script: Script = ({ body }) =>
      JSON.stringify(body).includes('"strict":true')
        ? { status: 400, body: { error: { message: "Invalid schema for function 'files_read'" } } }
        : { text: "ok" };
    await ask(provider, script);
    expect([strict(0), strict(1)]).toEqual([
      [true, undefined],
      [undefined, undefined],
    ]);
  });

  it("one that does not know how to be told to call none is not shown any", async () => {
    const script: Script = ({ body }) =>
      "tool_choice" in body
        ? { status: 400, body: { error: { message: "unknown field tool_choice" } } }
        : { text: "ok" };
    expect(await ask(open("openai"), script, { must_answer: true })).toMatchObject({ text: "ok" });
    expect(vendor.requests.at(-1)?.tools).toEqual([]);
  });

  it("what they think before a call, they are given back, and nobody else is", async () => {
    const provider = open("openai");
    const reply = await ask(provider, always({ ...two, thought: "First I read." }));
    expect(reply.kept?.provider).toBe("openai");
    const results = reply.uses!.map((use) => ({ id: use.id, content: "x" }));
    const messages: Message[] = [request().messages[0]!, said(reply), { role: "user", content: "", results }];
    await ask(provider, always({}), { messages });
    await ask(open("anthropic"), always({}), { messages });
    const [own, other] = vendor.requests.slice(-2).map(({ body }) => JSON.stringify(body));
    expect([own!.includes("First I read."), other!.includes("First I read.")]).toEqual([true, false]);
  });
});

describe("Anthropic's thoughts", () => {
  it("come back sealed as they were, in their order; to another vendor they are not told", async () => {
    const provider = open("anthropic");
    const reply = await ask(provider, always({ ...two, thought: "First I read.", text: "Reading." }));
    expect(reply).toMatchObject({ text: "Reading.", stop: "tools", kept: { provider: "anthropic" } });
    const results = reply.uses!.map((use) => ({ id: use.id, content: "x" }));
    const messages: Message[] = [request().messages[0]!, said(reply), { role: "user", content: "", results }];
    expect(await ask(provider, always({ text: "Done." }), { messages })).toMatchObject({ text: "Done." });
    const given = vendor.requests.at(-1)?.body?.["messages"] as { content: { type: string }[] }[];
    expect(given[1]?.content.map(({ type }) => type)).toEqual(["thinking", "text", "tool_use", "tool_use"]);
    await ask(open("openai"), always({}), { messages });
    expect(JSON.stringify(vendor.requests.at(-1)?.body)).not.toMatch(/First I read|seal/);
  });

  it("without calls nothing is kept", async () => {
    expect(await ask(open("anthropic"), always({ thought: "Hm.", text: "Yes." }))).not.toHaveProperty("kept");
  });

  it("a schema with choices at its top is told in words, since it would be refused", async () => {
    const input = { anyOf: [{ required: ["a"] }, { required: ["b"] }], properties: { a: {}, b: {} } };
    await ask(open("anthropic"), always({}), { tools: [{ ...READ, input }] });
    const [tool] = vendor.requests[0]!.body!["tools"] as { input_schema: object; description: string }[];
    expect(tool?.input_schema).toEqual({ type: "object", properties: { a: {}, b: {} } });
    expect(tool?.description).toContain('"anyOf"');
  });
});
