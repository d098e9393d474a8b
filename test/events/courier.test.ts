import { createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ALERTS, runbookOf, type WebhookSettings } from "../../src/core/alert.ts";
import { type Code, Failure } from "../../src/core/errors.ts";
import type { Log } from "../../src/core/log.ts";
import { SILENT } from "../../src/core/log.ts";
import type { RunStore } from "../../src/core/store.ts";
import { Courier } from "../../src/events/courier.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { cleaned } from "../store/home.ts";
import { end, FakeClock, played } from "../store/kit.ts";

interface Told {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const { folder, after } = cleaned();
let clock: FakeClock;
let home: string;
let store: RunStore;
let url: string;
/** What the webhook was told, and how it answers. */
const told: Told[] = [];
let answer: (nth: number) => number;
const couriers: Courier[] = [];

beforeEach(async () => {
  told.splice(0);
  answer = () => 204;
  home = folder();
  clock = new FakeClock();
  store = await opened();
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    told.push({ headers: request.headers, text: Buffer.concat(pieces).toString() });
    response.writeHead(answer(told.length), { location: "/elsewhere" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`;
});
afterEach(async () => {
  for (const courier of couriers.splice(0)) await courier.stop();
});

/** Another process's view of the store. */
async function opened(): Promise<RunStore> {
  const one = await openStore({ home, clock });
  after(() => one.close());
  return one;
}

function courier(webhook: Partial<WebhookSettings> = {}, on = store, log: Log = SILENT): Courier {
  const webhooks = [{ url, ...webhook }];
  const made = new Courier({ store: on, webhooks, env: { ALERT_SECRET: "sesame" }, clock, log });
  couriers.push(made);
  made.start();
  return made;
}

/** A run that ends so; its id. */
async function ended(status: "succeeded" | "failed" | "dead", code?: Code): Promise<string> {
  const fence = await played(store);
  await store.write(fence, [end(status, code && { error: new Failure(code, "it broke").toJSON() })]);
  return fence.run;
}

/** Lets time go on until something is so. */
const until = (isSo: () => void | Promise<void>, step = 250): Promise<void> =>
  vi.waitFor(
    async () => {
      clock.pass(step);
      await isSo();
    },
    { timeout: 15_000, interval: 2 },
  );
const toldOf = (): unknown[] => told.map(({ text }) => (JSON.parse(text) as { type: string }).type);
const allSettled = async (): Promise<void> => expect(await store.nextAlert()).toBeUndefined();

describe("an alert", () => {
  test("is posted with what it is about, its page, and a signature over time and body", async () => {
    const run = await ended("dead", "DIVERGED");
    courier({ secret_env: "ALERT_SECRET" });
    await until(allSettled);
    const [one] = told;
    const body = JSON.parse(one?.text ?? "");
    expect(body).toMatchObject({
      type: "run.dead",
      caller: "local",
      subject: run,
      data: { run_id: run, error: { code: "DIVERGED" } },
      runbook: "docs/runbooks/run-dead.md",
    });
    expect(one?.headers["x-baton-alert"]).toBe(body.id);
    const [, seconds, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(one?.headers["x-baton-signature"])) ?? [];
    expect(mac).toBe(createHmac("sha256", "sesame").update(`${seconds}.${one?.text}`).digest("hex"));
  });

  test.each([
    ["failed", "UNAUTHORIZED", ["run.failed"]],
    ["failed", "BAD_OUTPUT", ["run.failed"]],
    ["failed", "OVERLOADED", []],
    ["failed", "BUDGET_EXCEEDED", []],
    ["succeeded", undefined, []],
  ] as const)("is %s by %s: %j", async (status, code, types) => {
    await ended(status, code);
    await ended("dead", "BUG");
    courier();
    await until(allSettled);
    expect(toldOf().toSorted()).toEqual(["run.dead", ...types].toSorted());
  });

  test("goes to webhooks that name it, and into the log whoever names it", async () => {
    await ended("dead", "BUG");
    await ended("failed", "BAD_OUTPUT");
    const logged: unknown[] = [];
    courier({ on: ["run.failed"] }, store, { ...SILENT, warn: (fields: object) => void logged.push(fields) } as Log);
    await until(allSettled);
    expect(toldOf()).toEqual(["run.failed"]);
    expect(logged).toMatchObject([
      { event: "alert", alert: "run.dead", runbook: "docs/runbooks/run-dead.md" },
      { event: "alert", alert: "run.failed" },
    ]);
  });

  test("that is not taken is told again after pauses that grow, ten times in all, and no redirect is followed", async () => {
    answer = (nth) => (nth === 2 ? 307 : 500);
    const at: number[] = [];
    await ended("dead", "BUG");
    courier();
    await until(async () => {
      if (told.length > at.length) at.push(clock.mono());
      await allSettled();
    }, 2000);
    expect(told).toHaveLength(10);
    const pauses = at.slice(1).map((ms, i) => ms - (at[i] ?? 0));
    for (const [i, pause] of pauses.entries())
      expect(pause).toBeGreaterThanOrEqual(Math.min(600_000, 1000 * 2 ** i) - 2000);
  });

  test("is told once by two processes, also where one had taken it and died", async () => {
    await ended("dead", "BUG");
    await ended("failed", "BAD_OUTPUT");
    const other = await opened();
    await other.takeAlerts([{ url }]);
    const [lost] = await other.takeNotices(1, 60_000);
    courier();
    courier({}, await opened());
    await until(() => expect(told).toHaveLength(1));
    expect(toldOf()).not.toContain(lost?.event.type);
    await until(allSettled);
    expect(toldOf().toSorted()).toEqual(["run.dead", "run.failed"]);
  });

  test("has a page that says what to do", () => {
    for (const alert of ALERTS)
      expect(existsSync(new URL(`../../${runbookOf(alert)}`, import.meta.url)), alert).toBe(true);
  });
});
