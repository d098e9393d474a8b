import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openProviders } from "../../src/agents/providers/index.ts";
import { costOf } from "../../src/core/money.ts";
import type { Message, ModelReply, ModelRequest, Provider, ToolSpec } from "../../src/core/provider.ts";
import type { Script } from "../stub/script.ts";
import { startVendor, type Vendor } from "../stub/vendor.ts";
import { hooks, quiet, request } from "./asking.ts";

const PRICE = { input: 2, cached: 0.2, cache_write: 2.5, output: 10 };
const CARD = { input: 2e9, cached: 2e8, cache_write: 25e8, output: 1e10, source: "test" };

let vendor: Vendor;
beforeEach(async () => {
  vendor = await startVendor({ prices: { "*": PRICE }, caches: true });
});
afterEach(() => vendor.close());

function open(id: string): Provider {
  const url = { OPENAI_BASE_URL: vendor.v1, ANTHROPIC_BASE_URL: vendor.origin };
  return openProviders({}, { OPENAI_API_KEY: "k", ANTHROPIC_API_KEY: "k", ...url }, quiet).get(id)!;
}

function ask(provider: Provider, script: Script, more: Partial<ModelRequest>): Promise<ModelReply> {
  vendor.follow(script);
  return provider.complete(request({ tools, ...more }), hooks());
}

const tools: ToolSpec[] = [{ name: "files_read", description: "Reads. ".repeat(50), input: { type: "object" } }];
const system = "You are careful. ".repeat(400);
const uses = [{ name: "files_read", arguments: { path: "a" } }];
const marksIn = (at: number): number =>
  JSON.stringify(vendor.requests[at]?.body).match(/"cache_control":\{"type":"ephemeral"\}/g)?.length ?? 0;
const user = (content: string): Message => ({ role: "user", content });
const answered = ({ text, uses: wanted = [] }: ModelReply): Message[] => [
  { role: "assistant", content: text, uses: wanted },
  { ...user(""), results: wanted.map(({ id }) => ({ id, content: "x ".repeat(3000) })) },
];

describe.each(["anthropic", "openai"])("the dialogue with %s", (id) => {
  it("is read from the vendor's cache turn by turn, and the bill is the vendor's, writes and reads", async () => {
    const provider = open(id);
    let messages: Message[] = [user("Look into it.")];
    const replies: ModelReply[] = [];
    for (let turn = 0; turn < 5; turn++) {
      const reply = await ask(provider, [{ reply: { uses } }], { system, messages, cache: "dialogue" });
      replies.push(reply);
      messages = [...messages, ...answered(reply)];
    }
    const cached = replies.map(({ tokens }) => tokens.cached);
    expect(cached[0]).toBe(0);
    expect(cached.slice(1).every((tokens, at) => tokens > (cached[at] ?? 0) + 1000)).toBe(true);
    if (id === "anthropic") {
      expect(replies[0]!.tokens.cache_write).toBeGreaterThan(1500);
      expect(cached.slice(1).every((tokens, at) => tokens >= replies[at]!.tokens.input * 0.9)).toBe(true);
    }
    const charged = replies.reduce((sum, { tokens }) => sum + costOf(CARD, tokens), 0);
    expect(charged).toBe(vendor.report().bill);
  });

  it("begins with the same bytes in every turn: nothing in it is an id or a time of its own", async () => {
    const provider = open(id);
    const first = await ask(provider, [{ reply: { uses } }], { system, messages: [user("a")], cache: "dialogue" });
    const messages = [user("a"), ...answered(first)];
    await ask(provider, [], { system, messages, cache: "dialogue", nth: 2 });
    const [one, two] = vendor.requests.map(({ body }) => {
      const { tools: offered, system: told, messages: said } = body as Record<string, object[]>;
      const plain = JSON.stringify([offered, told, ...(said ?? [])]).replace(/,"cache_control":\{[^}]*\}/g, "");
      return plain.replace(/\[\{"type":"text","text":("[^"]*")\}\]/g, "$1").slice(0, -1);
    });
    expect(two!.startsWith(one!)).toBe(true);
  });
});

describe("marks for Anthropic", () => {
  it("stand at the system, at the end of the turn before, and at the end: never more than the vendor takes", async () => {
    const provider = open("anthropic");
    const first = await ask(provider, [{ reply: { uses } }], { system, messages: [user("a")], cache: "dialogue" });
    expect(marksIn(0)).toBe(2);
    const messages = [user("a"), ...answered(first)];
    const second = await ask(provider, [{ reply: { uses } }], { system, messages, cache: "dialogue" });
    expect(marksIn(1)).toBe(3);
    await ask(provider, [], { system, messages: [...messages, ...answered(second)], cache: "dialogue" });
    expect(marksIn(2)).toBe(3);
  });

  it("find the turn before also where one turn adds more blocks than the vendor looks back over", async () => {
    const provider = open("anthropic");
    const many = Array.from({ length: 30 }, () => uses[0]!);
    const first = await ask(provider, [{ reply: { uses: many } }], {
      system,
      messages: [user("a")],
      cache: "dialogue",
    });
    const messages = [user("a"), ...answered(first)];
    const second = await ask(provider, [], { system, messages, cache: "dialogue" });
    expect(second.tokens.cached).toBeGreaterThanOrEqual(first.tokens.cache_write);
  });

  it("split the first message where others begin alike, so that the second of them reads what the first has written", async () => {
    const provider = open("anthropic");
    const shared = "The plan in full. 🙂".repeat(500);
    const cache = shared.length;
    const say = (own: string) => ask(provider, [], { messages: [user(shared + own)], cache, tools: [] });
    const [first, second] = [await say("Judge the cost."), await say("Judge the risk.")];
    expect(first.tokens).toMatchObject({ cached: 0 });
    expect(second.tokens.cached).toBe(first.tokens.cache_write);
    expect(first.tokens.cache_write).toBeGreaterThan(1024);
    expect(vendor.requests[0]?.user).toBe(`${shared}Judge the cost.`);
  });

  it("never split a character, and leave no part empty", async () => {
    const provider = open("anthropic");
    const text = "🙂".repeat(3000);
    for (const cache of [1001, text.length, text.length + 5, 0]) {
      await ask(provider, [], { messages: [user(text)], cache, tools: [] });
      expect(vendor.requests.at(-1)?.user).toBe(text);
      expect(JSON.stringify(vendor.requests.at(-1)?.body)).not.toMatch(/\\ud83d"/);
    }
    await ask(provider, [], { messages: [user(`${"a".repeat(9000)}\n\n`)], cache: 9000, tools: [] });
    expect(vendor.requests.at(-1)?.status).toBe(200);
  });

  it("are not sent for what is too short to be remembered, nor where nobody asks for them", async () => {
    const provider = open("anthropic");
    await ask(provider, [], { messages: [user("short")], cache: "dialogue" });
    await ask(provider, [], { messages: [user("short")], cache: 3 });
    await ask(provider, [], { system, messages: [user("long")] });
    expect([marksIn(0), marksIn(1), marksIn(2)]).toEqual([0, 0, 0]);
  });
});
