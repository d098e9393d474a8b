import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openProviders } from "../../src/agents/providers/index.ts";
import { Failure } from "../../src/core/errors.ts";
import type { ModelRequest, Provider } from "../../src/core/provider.ts";
import type { Reply } from "../stub/script.ts";
import { startVendor, type Vendor } from "../stub/vendor.ts";
import { eventually, quiet, request } from "./asking.ts";

let vendor: Vendor;
let providers: Map<string, Provider>;
const KEY = "sk-verysecretkey123456";

beforeAll(async () => {
  vendor = await startVendor();
  const env = {
    OPENAI_API_KEY: KEY,
    ANTHROPIC_API_KEY: KEY,
    OPENAI_BASE_URL: vendor.v1,
    ANTHROPIC_BASE_URL: vendor.origin,
  };
  providers = openProviders({}, env, quiet);
});
afterEach(() => vendor.forget());
afterAll(() => vendor.close());

async function failureOf(id: string, reply: Reply, more: Partial<ModelRequest> = {}): Promise<Failure> {
  vendor.follow(() => reply);
  const call = providers.get(id)!.complete(request(more), { signal: new AbortController().signal, beat() {} });
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Failure)) throw new Error(`expected a Failure, got ${String(outcome)}`);
  return outcome;
}

const PAGE = "<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>";
const says = (message: string, more: object = {}) => ({ error: { message, ...more } });

const CALL = { name: "files_read", arguments: { path: "a.md" } };

const cases: readonly (readonly [string, Reply, string, "nothing" | "unknown"])[] = [
  ["401", { status: 401 }, "UNAUTHORIZED", "nothing"],
  ["403", { status: 403 }, "UNAUTHORIZED", "nothing"],
  ["402", { status: 402 }, "QUOTA_EXHAUSTED", "nothing"],
  ["429", { status: 429 }, "RATE_LIMITED", "nothing"],
  [
    "429 whose code says that the quota is used up",
    { status: 429, body: says("You exceeded your current quota", { code: "insufficient_quota" }) },
    "QUOTA_EXHAUSTED",
    "nothing",
  ],
  [
    "429 that only mentions where bills are paid",
    { status: 429, body: says("Rate limit reached. See https://platform.openai.com/account/billing.") },
    "RATE_LIMITED",
    "nothing",
  ],
  ["404", { status: 404 }, "UNKNOWN_MODEL", "nothing"],
  ["413", { status: 413 }, "TOO_LARGE", "nothing"],
  [
    "400 for too long a prompt",
    { status: 400, body: says("prompt is too long: 300000 tokens > 200000 maximum") },
    "TOO_LARGE",
    "nothing",
  ],
  [
    "400 for an empty account",
    { status: 400, body: says("Your credit balance is too low to access the API.") },
    "QUOTA_EXHAUSTED",
    "nothing",
  ],
  ["400", { status: 400, body: says("messages: must not be empty") }, "BAD_REQUEST", "nothing"],
  ["422", { status: 422 }, "BAD_REQUEST", "nothing"],
  ["408", { status: 408 }, "TIMEOUT", "nothing"],
  ["409", { status: 409 }, "OVERLOADED", "nothing"],
  ["500", { status: 500 }, "OVERLOADED", "nothing"],
  ["502 with a page of HTML", { status: 502, body: PAGE }, "OVERLOADED", "nothing"],
  ["503", { status: 503 }, "OVERLOADED", "nothing"],
  ["529", { status: 529 }, "OVERLOADED", "nothing"],
  ["301", { status: 301, headers: { location: "https://elsewhere.invalid/" } }, "BAD_REQUEST", "nothing"],
  ["200 with broken JSON", { fault: "malformed" }, "OVERLOADED", "unknown"],
  ["200 with a page of HTML", { fault: "html" }, "OVERLOADED", "unknown"],
  ["an error event in the stream", { fault: "error_event" }, "OVERLOADED", "unknown"],
  ["a socket cut in the middle of the stream", { fault: "cut" }, "NETWORK", "unknown"],
  ["a socket cut before the headers", { fault: "reset" }, "NETWORK", "unknown"],
  ["a stream that ends without saying that it is complete", { fault: "unfinished" }, "NETWORK", "unknown"],
  ["a socket cut in the middle of a call", { uses: [CALL], fault: "cut" }, "NETWORK", "unknown"],
  ["a stream that ends after a call and before its end", { uses: [CALL], fault: "unfinished" }, "NETWORK", "unknown"],
  ["an error event in the middle of a call", { uses: [CALL], fault: "error_event" }, "OVERLOADED", "unknown"],
  ["200 with half of a call in JSON", { uses: [CALL], fault: "malformed" }, "OVERLOADED", "unknown"],
  [
    "400 of a dialogue that is out of order",
    { status: 400, body: says("tool_use ids were found without tool_result blocks right after") },
    "BAD_REQUEST",
    "nothing",
  ],
];

describe.each(["openai", "anthropic"])("%s", (id) => {
  it.each(cases)("%s is classified and charged as what it is", async (_, reply, code, billed) => {
    const failure = await failureOf(id, reply);
    expect(failure).toMatchObject({ code, options: { billed } });
    expect(failure.message).toContain(`${id}/test-model`);
    expect(failure.message.length).toBeLessThan(300);
    expect(failure.message).not.toMatch(/<\w/);
    expect(vendor.requests).toHaveLength(1);
  });

  it("a connection that is refused cost nothing", async () => {
    const gone = await startVendor();
    await gone.close();
    const url = { OPENAI_BASE_URL: gone.v1, ANTHROPIC_BASE_URL: gone.origin };
    const alone = openProviders({}, { OPENAI_API_KEY: KEY, ANTHROPIC_API_KEY: KEY, ...url }, quiet).get(id)!;
    const call = alone.complete(request(), { signal: new AbortController().signal, beat() {} });
    await expect(call).rejects.toMatchObject({ code: "NETWORK", options: { billed: "nothing" } });
  });

  it.each([
    ["in seconds", { "retry-after": "17" }, 17_000],
    ["in milliseconds", { "retry-after-ms": "250", "retry-after": "9" }, 250],
    ["as a date that is over", { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }, 0],
  ] as const)("the wait that a 429 asks for is read %s", async (_, headers, ms) => {
    const failure = await failureOf(id, { status: 429, headers });
    expect(failure.retryAfterMs).toBe(ms);
  });

  it("a key in the vendor's own words is not repeated", async () => {
    const failure = await failureOf(id, {
      status: 401,
      body: says(`Incorrect API key provided: ${KEY}, sk-other****7890`),
    });
    expect(JSON.stringify([failure, failure.message])).not.toMatch(/verysecret|other/);
  });

  it.each([
    ["before the headers", { fault: "hang" }],
    ["in the middle of a stream", { fault: "hang_midway" }],
    ["in the middle of a call", { uses: [CALL], fault: "hang_midway" }],
    ["while tokens arrive", { chunks: 500, chunk_ms: 20 }],
  ] as const)("an abort %s closes the socket and says why it came", async (_, reply) => {
    vendor.follow(() => reply);
    const controller = new AbortController();
    const reason = new Failure("TIMEOUT", "no token for 60 s");
    const call = providers.get(id)!.complete(request(), { signal: controller.signal, beat() {} });
    const outcome = call.catch((error: unknown) => error);
    await eventually(() => vendor.requests[0]?.status === 200);
    const began = performance.now();
    controller.abort(reason);
    expect(await outcome).toMatchObject({ code: "TIMEOUT", message: reason.message, options: { billed: "unknown" } });
    await eventually(() => vendor.requests[0]?.state === "aborted");
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it("a call that is aborted beforehand sends nothing, and costs nothing", async () => {
    const signal = AbortSignal.abort(new Failure("CANCELLED", "cancelled by a person"));
    const call = providers.get(id)!.complete(request(), { signal, beat() {} });
    await expect(call).rejects.toMatchObject({
      code: "CANCELLED",
      message: "cancelled by a person",
      options: { billed: "nothing" },
    });
    expect(vendor.requests).toHaveLength(0);
  });

  const nonsense = [
    "null",
    "7",
    '"text"',
    "[]",
    "{}",
    '{"choices":null}',
    '{"choices":[null]}',
    '{"choices":[{"delta":7}]}',
    '{"choices":[{"delta":{"tool_calls":7}}]}',
    '{"choices":[{"delta":{"tool_calls":[null,7,{},{"function":7}],"function_call":7}}]}',
  ];
  const odd = [
    '{"type":"message_start"}',
    '{"type":"content_block_delta"}',
    '{"type":"message_delta"}',
    '{"type":"content_block_start"}',
    '{"type":"content_block_start","index":1e9,"content_block":{}}',
    '{"type":"content_block_delta","delta":{"type":"input_json_delta"}}',
    '{"error":true}',
  ];

  it.each([...nonsense, ...odd])(
    "%s instead of an answer is the vendor's trouble, never a bug of ours",
    async (body) => {
      const json = { "content-type": "application/json" };
      const sse = { "content-type": "text/event-stream" };
      const told = [
        { status: 200, headers: json, raw: body },
        { status: 200, headers: sse, raw: `event: message_start\ndata: ${body}\n\n` },
        { status: 500, headers: json, raw: body },
      ];
      for (const { status, headers, raw } of told) {
        const failure = await failureOf(id, { status, headers, body: raw });
        expect(failure.kind, raw).toBe("transient");
      }
    },
  );

  it("a status that no answer can have breaks nothing", async () => {
    expect((await failureOf(id, { status: 999, headers: {}, body: "" })).kind).toBe("transient");
  });

  it("aborted and failed calls leave the connections usable for the next", async () => {
    await failureOf(id, { status: 500 });
    await failureOf(id, { fault: "cut" });
    vendor.follow(() => ({ text: "fine again" }));
    const call = providers.get(id)!.complete(request(), { signal: new AbortController().signal, beat() {} });
    await expect(call).resolves.toMatchObject({ text: "fine again" });
  });
});
