import { mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Run } from "../../src/core/store.ts";
import { eventually, type House, newHome, openHouse } from "../house.ts";

const agents = { watcher: { models: ["oa/m"] }, other: { models: ["oa/m"] } };

const begunBy = async ({ store }: House, type: string): Promise<readonly Run[]> =>
  (await store.list({ label: `event:${type}`, limit: 50 })).runs;

/** Nothing is due any more, and nothing goes on. */
const quiet = async ({ store }: House): Promise<boolean> => {
  const { runs } = await store.list({ status: ["queued", "running"], limit: 1 });
  const open = await Promise.all((["due", "started"] as const).map((state) => store.deliveries({ state, limit: 1 })));
  return runs.length + open.flat().length === 0;
};

describe("an alert begins a run of who subscribes to it", () => {
  test("run.costly: by the settings and by a workflow file; and where those runs are costly too, that comes to an end", async () => {
    const home = await newHome();
    mkdirSync(join(home, "workflows"));
    const file = `name: lower\non: [{ type: run.costly, where: 'event.source == "baton"' }]\nnodes:\n  say: { agent: oa/m, task: "{{ inputs.event.data.step }} of {{ inputs.event.data.run_id }}" }\n`;
    writeFileSync(join(home, "workflows", "lower.yaml"), file);
    let output = 10;
    await using house = await openHouse({
      home,
      agents,
      prices: { m: { input: 10, output: 100 } },
      script: () => ({ text: "said", usage: { input: 1, output } }),
      settings: {
        workflows: [join(home, "workflows")],
        subscriptions: ["watcher", "other"].map((run) => ({ on: { type: "run.costly" }, run })),
      },
    });
    await Promise.all(Array.from({ length: 25 }, () => house.ask("oa/m")));
    expect(await begunBy(house, "run.costly")).toEqual([]);
    output = 500;
    const { id } = await house.ask("oa/m");
    await eventually(async () => (await begunBy(house, "run.costly")).length >= 3);
    await eventually(() => quiet(house));
    expect(house.vendor.requests.some(({ user }) => user.includes(id))).toBe(true);
    // The agents' runs are costly too: each is told to the other one and to the workflow, never to who has begun it.
    const deliveries = (await house.store.deliveries({ limit: 50 })).map(({ subscription, event }) => {
      expect(event).toMatchObject({ type: "run.costly", correlationid: event.subject });
      return `${event.subject === id ? "first" : "later"} ${subscription}`;
    });
    expect(deliveries.toSorted()).toEqual([
      "first lower/on/1",
      "first other:run.costly",
      "first watcher:run.costly",
      ...Array.from({ length: 4 }, () => "later lower/on/1"),
      "later other:run.costly",
      "later watcher:run.costly",
    ]);
    await rm(home, { recursive: true, force: true });
  });

  test("breaker.opened: once for an outage, however often the vendor is tried in vain meanwhile", async () => {
    let isDown = true;
    await using house = await openHouse({
      agents,
      script: () => (isDown ? { status: 503 } : { text: "up" }),
      settings: {
        breaker: { failures: 1, cooldown_seconds: 0.05 },
        retry: { attempts: 1 },
        subscriptions: [{ on: { type: "breaker.*", where: 'event.subject == "oa/m"' }, run: "watcher" }],
      },
    });
    let refusals = 0;
    const tries = async () => {
      const run = await house.ask("oa/m");
      if (run.error?.code === "OVERLOADED") refusals++;
      return run.status === "succeeded";
    };
    const states = async () => {
      const all = await house.store.deliveries({ subscription: "watcher:breaker.*", limit: 20 });
      return all.map(({ event }) => event.type).toReversed();
    };
    await eventually(async () => (await tries()) || refusals >= 3);
    expect(await states()).toEqual(["breaker.opened"]);
    isDown = false;
    await eventually(tries);
    await eventually(async () => (await states()).length === 2);
    isDown = true;
    await eventually(async () => (await tries()) || (await states()).length === 3);
    expect(await states()).toEqual(["breaker.opened", "breaker.closed", "breaker.opened"]);
  });
});
