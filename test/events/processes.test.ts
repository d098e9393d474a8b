import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { patterns } from "../../src/patterns/index.ts";
import { eventually, newHome, openHouse, PRICE } from "../house.ts";
import { Child } from "../store/child.ts";
import { startVendor } from "../stub/vendor.ts";
import type { Errand } from "./bus.child.ts";
import { awaitEvent } from "./watching.ts";

const children: Child[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) await child.kill();
});

function child(errand: Errand): Child {
  const made = new Child(new URL("bus.child.ts", import.meta.url).href, JSON.stringify(errand));
  children.push(made);
  return made;
}

const settingsOf = (home: string, base_url: string, subscriptions: Errand["settings"]["subscriptions"] = []) =>
  ({
    home: join(home, ".baton"),
    model: "oa/m",
    agents: [],
    log: "silent",
    prices: { "oa/m": { input_per_mtok: PRICE.input, output_per_mtok: PRICE.output } },
    providers: { oa: { type: "openai", base_url } },
    subscriptions,
  }) satisfies Errand["settings"];

describe("several processes on one bus", { timeout: 60_000 }, () => {
  test("an event that one of them publishes wakes the run that waits for it in another", async () => {
    await using house = await openHouse({ patterns: [...patterns, awaitEvent] });
    const run = await house.start("await_event", { task: "t", type: "order.paid" });
    await house.becomes(run.id, "waiting");
    const said = child({ home: house.home, settings: settingsOf(house.home, house.vendor.v1), awake: false, id: "7" });
    expect(await said.says()).toBe(JSON.stringify([run.id]));
    const published = performance.now();
    expect(await house.ended(run.id)).toMatchObject({ status: "succeeded", output: { value: { id: "7" } } });
    expect(performance.now() - published).toBeLessThan(3000);
  });

  test("what one publishes that plays nothing is delivered by another that does", async () => {
    const subscriptions = [{ on: { type: "order.paid" }, run: "oa/m" }];
    await using house = await openHouse({ settings: { subscriptions } });
    house.engine.awaken();
    const settings = settingsOf(house.home, house.vendor.v1, subscriptions);
    await child({ home: house.home, settings, awake: false, id: "7" }).ends();
    await eventually(async () => (await house.store.deliveries({ state: "done", limit: 5 })).length === 1);
    expect(house.vendor.requests).toHaveLength(1);
  });

  test("one that is killed at any commit from publishing on has lost nothing: the next begins exactly one run", async () => {
    const subscriptions = [{ on: { type: "order.paid" }, run: "oa/m" }];
    for (let dies = 1; dies <= 6; dies++) {
      const home = await newHome();
      const vendor = await startVendor({ script: [], prices: { m: PRICE } });
      const settings = settingsOf(home, vendor.v1, subscriptions);
      await child({ home, settings, awake: dies > 1, dies, id: "7" }).ends();
      const house = await openHouse({ home, vendor, settings: { subscriptions } });
      house.engine.awaken();
      await eventually(async () => (await house.store.deliveries({ state: "done", limit: 5 })).length === 1);
      const { runs } = await house.store.list({ limit: 10 });
      expect(
        runs.map(({ status, caller }) => `${status} ${caller}`),
        `killed at commit ${dies}`,
      ).toEqual(["succeeded test"]);
      expect(await house.store.deliveries({ limit: 5 })).toMatchObject([{ event: { id: "7" }, run: runs[0]?.id }]);
      await house.close();
      await vendor.close();
      await rm(home, { recursive: true, force: true });
    }
  });
});
