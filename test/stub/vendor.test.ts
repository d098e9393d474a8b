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
