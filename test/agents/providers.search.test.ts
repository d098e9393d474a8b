import { afterEach, beforeEach, expect, it } from "vitest";
import { openProviders } from "../../src/agents/providers/index.ts";
import { type Ask, decide, NOTHING, reserveOf } from "../../src/core/budget.ts";
import type { Message, ModelRequest, Provider } from "../../src/core/provider.ts";
import { chargeOf } from "../../src/run/charge.ts";
import { openHouse } from "../house.ts";
import type { Script } from "../stub/script.ts";
import { startVendor, type Vendor } from "../stub/vendor.ts";
import { hooks, quiet, request } from "./asking.ts";

let vendor: Vendor;
beforeEach(async () => {
  vendor = await startVendor();
});
afterEach(() => vendor.close());

function open(id: string): Provider {
  const url = { OPENAI_BASE_URL: vendor.v1, ANTHROPIC_BASE_URL: vendor.origin };
  return openProviders({}, { OPENAI_API_KEY: "k", ANTHROPIC_API_KEY: "k", ...url }, quiet).get(id)!;
}

function ask(provider: Provider, script: Script, more: Partial<ModelRequest> = {}) {
  vendor.follow(script);
  return provider.complete(request({ web_search: { max_uses: 3 }, ...more }), hooks());
}

const FOUND = [
  { url: "https://a.example/1", title: "Batons" },
  { url: "https://b.example/2", title: "Relays" },
];
const searches = [
  { query: "batons", found: FOUND },
  { query: "relays", found: FOUND.slice(1) },
];

it("Anthropic searches as often as it may, tells its sources, and each search is a fee beside the tokens", async () => {
  const provider = open("anthropic");
  expect(provider).toMatchObject({ can: { web_search: true }, search_usd: 10_000_000 });
  const reply = await ask(provider, () => ({ text: "Batons are light.", searches }));
  expect(vendor.requests[0]?.body).toMatchObject({
    tools: [{ type: "web_search_20250305", name: "web_search", max_uses: 3 }],
  });
  expect(reply).toMatchObject({ stop: "end", searches: 2, fees: 20_000_000 });
  expect(reply.text).toBe(
    "Batons are light.\n\nSources:\n- Batons: https://a.example/1\n- Relays: https://b.example/2",
  );
});

it("what it found goes back to it as it was, in a dialogue that goes on", async () => {
  const provider = open("anthropic");
  const tools = [{ name: "files_read", description: "Reads.", input: { type: "object" } }];
  const first = await ask(provider, () => ({ text: "So:", searches, uses: [{ name: "files_read" }] }), { tools });
  const messages: Message[] = [
    request().messages[0]!,
    { role: "assistant", content: first.text, uses: first.uses!, ...(first.kept && { kept: first.kept }) },
    { role: "user", content: "", results: first.uses!.map(({ id }) => ({ id, content: "x" })) },
  ];
  expect(await ask(provider, () => ({ text: "Done." }), { messages, tools })).toMatchObject({ text: "Done." });
  const given = vendor.requests.at(-1)?.body?.["messages"] as { content: { type: string; citations?: object[] }[] }[];
  expect(given[1]?.content.map(({ type }) => type)).toEqual([
    "server_tool_use",
    "web_search_tool_result",
    "server_tool_use",
    "web_search_tool_result",
    "text",
    "tool_use",
  ]);
  expect(given[1]?.content[4]?.citations).toHaveLength(3);
  expect(JSON.stringify(given)).toContain("sealed:https://a.example/1");
});

it("a turn that the vendor pauses is taken up again, and billed with all of its parts", async () => {
  const usage = { input: 100, output: 10 };
  const script: Script = [
    { calls: 1, reply: { text: "I look further.", searches: searches.slice(0, 1), stop: "pause", usage } },
    { reply: { text: "It is light.", searches: searches.slice(1), usage: { input: 300, output: 20 } } },
  ];
  const reply = await ask(open("anthropic"), script);
  expect(reply).toMatchObject({ stop: "end", searches: 2, tokens: { input: 400, output: 30 } });
  expect(reply.text).toContain("I look further.\n\nIt is light.");
  const [first, second] = vendor.requests.map(({ body }) => body as { max_tokens: number; messages: object[] });
  expect(second?.max_tokens).toBe(first!.max_tokens - 10);
  expect(second?.messages.at(-1)).toMatchObject({ role: "assistant", content: [{ type: "server_tool_use" }, {}, {}] });
});

it("one that stays paused comes to an end that says it is none, and a failure in between is not free", async () => {
  const reply = await ask(open("anthropic"), () => ({ text: "…", searches: searches.slice(0, 1), stop: "pause" }));
  expect(reply.stop).toBe("length");
  expect(vendor.requests).toHaveLength(4);
  vendor.forget();
  const broken: Script = [{ calls: 1, reply: { text: "…", searches, stop: "pause" } }, { reply: { status: 529 } }];
  await expect(ask(open("anthropic"), broken)).rejects.toMatchObject({
    code: "OVERLOADED",
    options: { billed: "unknown" },
  });
});

it("who cannot search says so and what to do, and is not asked", async () => {
  const settings = { gateway: { type: "anthropic", base_url: vendor.origin } } as const;
  const gateway = openProviders(settings, {}, quiet).get("gateway")!;
  for (const provider of [open("openai"), gateway]) {
    expect(provider.can?.web_search).toBe(false);
    await expect(ask(provider, [])).rejects.toMatchObject({ code: "BAD_REQUEST", options: { billed: "nothing" } });
  }
  expect(vendor.requests).toHaveLength(0);
  const priced = openProviders({ gateway: { ...settings.gateway, search_usd: 0.02 } }, {}, quiet).get("gateway")!;
  expect(await ask(priced, () => ({ searches }))).toMatchObject({ searches: 2, fees: 40_000_000 });
});

it("searches are held for at their most, and charged as the vendor bills them", async () => {
  await vendor.close();
  vendor = await startVendor({ prices: { "*": { input: 1, output: 4, search: 10 } } });
  const provider = open("anthropic");
  const reply = await ask(provider, () => ({ text: "Light.", searches, usage: { input: 1000, output: 100 } }));
  const card = { input: 1e9, cached: 1e9, cache_write: 1e9, output: 4e9, source: "test" };
  const fees = 3 * (provider.search_usd ?? 0);
  const asked: Ask = { input: 1000, output: 100, least: 10, card, fees };
  expect(chargeOf(reply, asked).usage.usd).toBe(vendor.report().bill);
  expect(reserveOf(asked, 100).usd).toBe(1_400_000 + 30_000_000);
  const ledger = { id: "run", scope: "run", caps: { usd: 31_100_000 }, spent: NOTHING, held: NOTHING } as const;
  expect(decide([ledger], asked)).toMatchObject({ verdict: "held", clamped: true, output: 25 });
});

it("the bound has room for what it reads of each search, and for reading all again after each", () => {
  const provider = open("anthropic");
  const once = provider.bound(request());
  expect(provider.bound(request({ web_search: { max_uses: 3 } }))).toBeGreaterThan(4 * once + 3 * 10_000);
});

it("an agent that may search is charged for its searches as the vendor bills them, and that much was held", async () => {
  const usage = { input: 1000, output: 100 };
  await using house = await openHouse({
    prices: { m: { input: 1, output: 4, search: 10 } },
    script: [{ reply: { text: "Light.", searches, usage } }],
    settings: { providers: { an: { search_usd: 0.01 } } },
    agents: { scout: { models: ["an/m"], own: { web_search: { max_uses: 3 } } } },
  });
  const run = await house.ask("scout");
  expect(run).toMatchObject({ status: "succeeded", usage: { usd: 1000 * 1000 + 100 * 4000 + 20_000_000 } });
  expect(run.usage.usd).toBe(house.vendor.report().bill);
  const [attempt] = await house.attempts(run.id);
  expect(attempt?.reserve.usd).toBeGreaterThan(30_000_000);
});
