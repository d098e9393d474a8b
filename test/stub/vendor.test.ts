import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import { eventually } from "../agents/asking.ts";
import { type Report, startVendor, type Vendor, type VendorOptions } from "./vendor.ts";

let vendor: Vendor;
afterEach(() => vendor?.close());

const chat = (origin: string, content: string, init: RequestInit = {}) =>
  fetch(`${origin}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "m", messages: [{ role: "user", content }] }),
    ...init,
  });

it("as a process of its own it is steered and read over HTTP, and ends with its stdin", async () => {
  const file = new URL("./vendor-process.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [file], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { origin } = JSON.parse(line.toString()) as { origin: string };
  const script = [{ when: { user: "two" }, calls: "2-", reply: { status: 529 } }, { reply: { text: "steered" } }];
  await fetch(`${origin}/__script`, { method: "POST", body: JSON.stringify(script) });
  const statuses = [];
  for (const word of ["one", "two", "two", "two"]) statuses.push((await chat(origin, word)).status);
  expect(statuses).toEqual([200, 200, 529, 529]);
  const report = (await (await fetch(`${origin}/__journal`)).json()) as Report;
  expect(report.requests.map(({ user }) => user)).toEqual(["one", "two", "two", "two"]);
  child.stdin.end();
  const [code] = (await once(child, "exit")) as [number];
  expect(code).toBe(0);
});

it("its bill is tokens times price, and errors are not on it", async () => {
  const usage = { input: 1000, cached: 400, output: 10 };
  const prices = { m: { input: 2.5, cached: 0.25, output: 10 } };
  vendor = await startVendor({ prices, script: [{ calls: 1, reply: { usage } }, { reply: { status: 500 } }] });
  await (await chat(vendor.origin, "x")).text();
  await (await chat(vendor.origin, "x")).text();
  expect(vendor.report().bill).toBe(600 * 2500 + 400 * 250 + 10 * 10_000);
});

it.each([
  [true, 1_000_000],
  [false, 0],
])("what a client aborted is billed whole where that is so (%s)", async (bill_aborted, bill) => {
  const script = [{ reply: { usage: { input: 500, output: 500 }, fault: "hang" as const } }];
  const options: VendorOptions = { bill_aborted, script, prices: { m: { input: 1, output: 1 } } };
  vendor = await startVendor(options);
  const controller = new AbortController();
  const call = chat(vendor.origin, "x", { signal: controller.signal }).catch(() => "aborted");
  await eventually(() => vendor.requests[0]?.status === 200);
  controller.abort();
  expect(await call).toBe("aborted");
  await eventually(() => vendor.requests[0]?.state === "aborted");
  expect(vendor.report().bill).toBe(bill);
});

const tool = (name: string) => ({ name, description: "Reads.", input_schema: { type: "object" } });
/** What an answer of either dialect may hold. */
interface Told {
  readonly choices: { message: { content: string; tool_calls: { id: string }[] }; finish_reason: string }[];
  readonly content: { id: string; text: string }[];
  readonly error: { message: string };
}
const told = async (response: Promise<Response>) => (await (await response).json()) as Told;
const post = (path: string, body: object) =>
  fetch(`${vendor.origin}/v1/${path}`, { method: "POST", body: JSON.stringify({ model: "m", ...body }) });

it("it wants tools called as its script says, and answers once a result has come, in both dialects", async () => {
  const uses = [{ name: "read", arguments: { path: "a" } }];
  const script = [
    { when: { result: "42" }, reply: { text: "It is 42." } },
    { when: { offers: "read" }, reply: { uses } },
  ];
  vendor = await startVendor({ script });
  const hi = { role: "user", content: "hi" };
  const tools = [{ type: "function", function: { name: "read", parameters: {} } }];
  const chatted = await told(post("chat/completions", { tools, messages: [hi] }));
  const { message, finish_reason } = chatted.choices[0]!;
  expect(finish_reason).toBe("tool_calls");
  const given = { role: "tool", tool_call_id: message.tool_calls[0]!.id, content: "42" };
  const then = await told(post("chat/completions", { tools, messages: [hi, message, given] }));
  expect(then.choices[0]!.message.content).toBe("It is 42.");
  const wanted = await told(post("messages", { tools: [tool("read")], messages: [hi] }));
  expect(wanted).toMatchObject({ stop_reason: "tool_use", content: [{ type: "tool_use", input: { path: "a" } }] });
  const said = { role: "assistant", content: wanted.content };
  const result = { type: "tool_result", tool_use_id: wanted.content[0]!.id, content: "42" };
  const messages = [hi, said, { role: "user", content: [result] }];
  expect((await told(post("messages", { messages }))).content[0]!.text).toBe("It is 42.");
  expect(vendor.requests.map(({ uses }) => uses)).toEqual([["read"], undefined, ["read"], undefined]);
  expect(vendor.requests[1]?.results).toEqual([{ id: given.tool_call_id, content: "42", is_error: false }]);
});

it("it refuses what a real vendor refuses: calls without results, results without calls, a broken seal, a fifth mark", async () => {
  vendor = await startVendor({ script: [{ reply: { thought: "hm", uses: [{ name: "read" }] } }] });
  const hi = { role: "user", content: "hi" };
  const why = async (messages: object[]) => {
    const response = await post("messages", { messages });
    return response.ok ? "" : (await told(Promise.resolve(response))).error.message;
  };
  const use = { type: "tool_use", id: "t1", name: "read", input: {} };
  const result = { type: "tool_result", tool_use_id: "t1", content: "x" };
  const asked = { role: "assistant", content: [use] };
  expect(await why([hi, asked, hi])).toMatch(/without tool_result blocks right after: t1/);
  expect(await why([hi, { role: "user", content: [result] }])).toMatch(/unexpected tool_use_id/);
  expect(await why([hi, asked, { role: "user", content: [result] }])).toBe("");
  const { content } = await told(post("messages", { messages: [hi] }));
  const back = [{ ...result, tool_use_id: content[1]!.id }];
  expect(await why([hi, { role: "assistant", content }, { role: "user", content: back }])).toBe("");
  const forged = [{ ...content[0], thinking: "hm!" }, content[1]];
  expect(await why([hi, { role: "assistant", content: forged }, { role: "user", content: back }])).toMatch(/signature/);
  const marked = { type: "text", text: "x", cache_control: { type: "ephemeral" } };
  expect(await why([{ role: "user", content: [marked, marked, marked, marked, marked] }])).toMatch(/maximum of 4/);
  const open = {
    role: "assistant",
    content: null,
    tool_calls: [{ id: "c", function: { name: "read", arguments: "{}" } }],
  };
  expect((await post("chat/completions", { messages: [hi, open, hi] })).status).toBe(400);
  expect(
    (await post("chat/completions", { messages: [hi, { role: "tool", tool_call_id: "c", content: "" }] })).status,
  ).toBe(400);
});

it("it has a cache of its own: what was marked is written once, then read, and billed so; searches are billed beside", async () => {
  const prices = { m: { input: 1, cached: 0.1, cache_write: 1.25, output: 0, search: 10 } };
  const searches = [{ query: "q" }, { query: "r" }];
  vendor = await startVendor({ prices, caches: true, script: [{ when: { user: "now" }, reply: { searches } }] });
  const text = "x".repeat(8000);
  const marked = [{ type: "text", text, cache_control: { type: "ephemeral" } }];
  const ask = (user: string) => post("messages", { system: marked, messages: [{ role: "user", content: user }] });
  for (const user of ["aaaa", "bbbb", "now!"]) await (await ask(user)).text();
  const [first, second, third] = vendor.requests;
  expect(first?.usage).toMatchObject({ cached: 0, cache_write: 2000, input: 2001 });
  expect(second?.usage).toMatchObject({ cached: 2000, cache_write: 0, input: 2001 });
  expect([first?.billed, second?.billed]).toEqual([2000 * 1250 + 1000, 2000 * 100 + 1000]);
  expect(third?.billed).toBe(2000 * 100 + 1000 + 20_000_000);
  const like = (user: string) =>
    post("chat/completions", {
      messages: [
        { role: "system", content: text },
        { role: "user", content: user },
      ],
    });
  for (const user of ["a", "b"]) await (await like(user)).text();
  expect(vendor.requests[4]?.usage?.cached).toBeGreaterThan(1024);
});

it("it counts how many it answered at once", async () => {
  vendor = await startVendor({ script: [{ reply: { latency_ms: 100 } }] });
  await Promise.all(["a", "b", "c"].map(async (word) => (await chat(vendor.origin, word)).text()));
  await (await chat(vendor.origin, "d")).text();
  expect(vendor.report().most_at_once).toBe(3);
});

it("closed it refuses, and listening again on its port it answers", async () => {
  vendor = await startVendor();
  const { port, origin } = vendor;
  await vendor.close();
  await expect(chat(origin, "x")).rejects.toThrow();
  await vendor.listen(port);
  expect((await chat(origin, "x")).status).toBe(200);
});
