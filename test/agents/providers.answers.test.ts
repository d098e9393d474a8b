import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openProviders } from "../../src/agents/providers/index.ts";
import { costOf } from "../../src/core/money.ts";
import type { ModelRequest, Provider } from "../../src/core/provider.ts";
import type { ProviderSettings } from "../../src/core/settings.ts";
import type { Asked, Reply, Script } from "../stub/script.ts";
import { startVendor, type Vendor } from "../stub/vendor.ts";
import { hooks, quiet, request } from "./asking.ts";

let vendor: Vendor;
const PRICE = { input: 0.25, cached: 0.025, cache_write: 0.3125, output: 2 };

beforeAll(async () => {
  vendor = await startVendor({ prices: { "*": PRICE } });
});
afterEach(() => vendor.forget());
afterAll(() => vendor.close());

function open(id: string, more: ProviderSettings = {}): Provider {
  const env = {
    OPENAI_API_KEY: "k",
    ANTHROPIC_API_KEY: "k",
    OPENAI_BASE_URL: vendor.v1,
    ANTHROPIC_BASE_URL: vendor.origin,
  };
  return openProviders({ [id]: more }, env, quiet).get(id)!;
}

function ask(provider: Provider, script: Script, more: Partial<ModelRequest> = {}) {
  vendor.follow(script);
  return provider.complete(request(more), hooks());
}

const always = (reply: Reply) => () => reply;
const complaint = (message: string, param?: string): Reply => ({ status: 400, body: { error: { message, param } } });

const SHAPE = {
  type: "object",
  properties: { title: { type: "string" }, score: { type: "number", minimum: 0, maximum: 1 } },
  required: ["title", "score"],
  additionalProperties: false,
};

describe.each(["openai", "anthropic"])("%s", (id) => {
  it("cached, cache-written and reasoning tokens are counted as the vendor bills them", async () => {
    const usage = { input: 1000, cached: 600, cache_write: 100, output: 90, reasoning: 40 };
    const reply = await ask(open(id), always({ text: "done", usage }));
    expect(reply).toMatchObject({ text: "done", tokens: usage, stop: "end" });
    const nano = (usd: number) => usd * 1e9;
    const card = {
      input: nano(PRICE.input),
      cached: nano(PRICE.cached),
      cache_write: nano(PRICE.cache_write),
      output: nano(PRICE.output),
      source: "test",
    };
    expect(costOf(card, reply.tokens)).toBe(vendor.report().bill);
  });

  it("every piece of the answer is a beat", async () => {
    let beats = 0;
    vendor.follow(always({ text: "x".repeat(50), chunks: 10 }));
    await open(id).complete(request(), { signal: new AbortController().signal, beat: () => beats++ });
    expect(beats).toBeGreaterThanOrEqual(10);
  });

  it.each(["end", "length", "refusal"] as const)("an answer that stopped by %s says so", async (stop) => {
    expect(await ask(open(id), always({ text: "some", stop }))).toMatchObject({ stop, text: "some" });
  });

  it("a server that reports no usage is charged by the bytes, and the reply says that it is a guess", async () => {
    const provider = open(id);
    const reply = await ask(provider, always({ text: "äöü", usage: "none" }));
    expect(reply.estimated).toBe(true);
    expect(reply.tokens).toMatchObject({ input: provider.bound(request()), output: 6 });
  });

  it("a server that answers in one piece of JSON where a stream was asked for is understood", async () => {
    const usage = { input: 50, output: 7 };
    const reply = await ask(open(id), always({ text: 'say "hi"\nthen go', usage, fault: "plain", stop: "length" }));
    expect(reply).toMatchObject({ text: 'say "hi"\nthen go', tokens: usage, stop: "length" });
  });

  it("a shape is asked for by the vendor's own schema support", async () => {
    const reply = await ask(open(id), always({ json: { title: "t", score: 1 } }), { shape: SHAPE });
    expect(reply).toMatchObject({ mode: "schema", text: '{"title":"t","score":1}' });
    expect(vendor.requests[0]?.body).toMatchObject(
      id === "openai"
        ? { response_format: { type: "json_schema", json_schema: { strict: true, schema: SHAPE } } }
        : { output_config: { format: { type: "json_schema" } } },
    );
  });

  it("a vendor that refuses the schema is asked in words at once, and from then on", async () => {
    const provider = open(id);
    const refusing: Script = (asked) => {
      if (asked.format) return complaint("response_format / output_config.format is not supported with this model");
      return { json: { title: "t", score: 1 } };
    };
    expect(await ask(provider, refusing, { shape: SHAPE })).toMatchObject({ mode: "text" });
    expect(vendor.requests.at(-1)?.system).toContain(JSON.stringify(SHAPE));
    vendor.forget();
    expect(await ask(provider, refusing, { shape: SHAPE })).toMatchObject({ mode: "text" });
    expect(vendor.requests).toHaveLength(1);
  });

  it("one schema that the vendor cannot take does not cost other schemas theirs", async () => {
    const provider = open(id);
    const odd = { ...SHAPE, title: "odd" };
    const refusing: Script = ({ body }: Asked) =>
      JSON.stringify(body["response_format"] ?? body["output_config"] ?? "").includes('"odd"')
        ? complaint("Invalid schema for response_format 'answer'")
        : { json: { title: "t", score: 1 } };
    expect((await ask(provider, refusing, { shape: odd })).mode).not.toBe("schema");
    expect((await ask(provider, refusing, { shape: SHAPE })).mode).toBe("schema");
  });

  it("a 400 about something else is not asked again", async () => {
    const call = ask(open(id), always(complaint("messages.0: role is missing")), { shape: SHAPE });
    await expect(call).rejects.toMatchObject({ code: "BAD_REQUEST" });
    expect(vendor.requests).toHaveLength(1);
  });

  it("the key goes where the vendor expects it", async () => {
    await ask(open(id), always({}));
    expect(vendor.requests[0]?.headers).toMatchObject({ authorization: "Bearer k" });
  });

  it("it tells whether it is up without asking a model", async () => {
    await expect(open(id).probe?.(new AbortController().signal)).resolves.toBeUndefined();
    expect(vendor.requests).toHaveLength(0);
  });
});

describe("servers that speak OpenAI's chat completions", () => {
  it("where only JSON mode is known, the schema goes into the words", async () => {
    const jsonOnly: Script = (asked) =>
      asked.format === "json_schema" ? complaint("unknown response_format type") : { json: { title: "t", score: 1 } };
    expect(await ask(open("openai"), jsonOnly, { shape: SHAPE })).toMatchObject({ mode: "json" });
    expect(vendor.requests.at(-1)?.body).toMatchObject({ response_format: { type: "json_object" } });
    expect(vendor.requests.at(-1)?.system).toContain(JSON.stringify(SHAPE));
  });

  it("a schema with optional or open parts is not asked for strictly", async () => {
    const shape = { type: "object", properties: { a: { type: "string" } } };
    await ask(open("openai"), always({ json: { a: "b" } }), { shape });
    expect(vendor.requests[0]?.body).toMatchObject({ response_format: { json_schema: { strict: false } } });
  });

  it.each(["max_tokens", "max_completion_tokens"] as const)(
    "one that knows %s only is asked with that",
    async (known) => {
      const other = known === "max_tokens" ? "max_completion_tokens" : "max_tokens";
      const provider = open("openai", { max_tokens_field: other });
      const picky: Script = ({ body }) =>
        other in body ? complaint(`Unsupported parameter: '${other}'. Use '${known}' instead.`, other) : { text: "ok" };
      await ask(provider, picky);
      expect(vendor.requests.at(-1)?.body).toMatchObject({ [known]: 1000 });
      vendor.forget();
      await ask(provider, picky);
      expect(vendor.requests).toHaveLength(1);
    },
  );

  it("a model that takes no temperature is asked without one", async () => {
    const picky: Script = ({ body }) =>
      "temperature" in body ? complaint("Unsupported value: 'temperature'", "temperature") : { text: "ok" };
    expect(await ask(open("openai"), picky, { temperature: 0.2 })).toMatchObject({ text: "ok" });
    expect(vendor.requests).toHaveLength(2);
  });

  it("the cost that a server reports itself is taken to the nano-dollar, rounded up", async () => {
    const reply = await ask(open("openai"), always({ usage: { input: 10, output: 5, cost: 0.00001234567891 } }));
    expect(reply.usd).toBe(12_346);
  });

  it("what another vendor's environment says is not told to them", async () => {
    const names = { OPENAI_ORG_ID: "org-1", OPENAI_PROJECT_ID: "proj-1", OPENAI_CUSTOM_HEADERS: "X-Secret: s3cret" };
    Object.assign(process.env, names);
    const corp = openProviders({ corp: { type: "openai", base_url: vendor.v1 } }, process.env, quiet).get("corp")!;
    await ask(corp, always({}));
    for (const name of Object.keys(names)) delete process.env[name];
    expect(JSON.stringify(vendor.requests[0]?.headers)).not.toMatch(/org-1|proj-1|s3cret/);
  });
});

it("no temperature is sent to Anthropic, which no longer takes one", async () => {
  await ask(open("anthropic"), always({}), { temperature: 0.5 });
  expect(vendor.requests[0]?.body).not.toHaveProperty("temperature");
});

it("an object that cannot be closed without forbidding what it allows is asked of Anthropic in words", async () => {
  const shape = { type: "object", additionalProperties: { type: "number" } };
  expect(await ask(open("anthropic"), always({ json: { a: 1 } }), { shape })).toMatchObject({ mode: "text" });
});
