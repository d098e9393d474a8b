import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { eventually, newHome, openHouse, PRICE } from "../house.ts";
import type { Reply } from "../stub/script.ts";
import { startVendor } from "../stub/vendor.ts";
import { byModel } from "./stand.ts";

const MODELS = ["a", "b", "owl"];
const give = (worker: string, task: string): object => ({ worker, task });
const slow = (json: unknown): Reply => ({ json, latency_ms: 100 });

/** The turns of a supervisor, told by what it is asked, so that it answers the same when it is asked again. */
const turns = [
  { done: false, assignments: [give("oa/a", "one"), give("oa/b", "two")], reason: "r" },
  { done: false, assignments: [give("oa/a", "three")], reason: "r" },
  { done: true, answer: "end", reason: "r" },
];
const owl = ({ user }: { user: string }): Reply => slow(turns[Number(/This is turn (\d)/.exec(user)?.[1]) - 1]);

const cases: readonly [string, object, Parameters<typeof byModel>[0], readonly string[]][] = [
  [
    "supervise",
    { task: "t", supervisor: "oa/owl", workers: ["oa/a", "oa/b"] },
    {
      owl,
      a: { text: "AAA" },
      b: { text: "BBB" },
    },
    ["owl", "a", "b", "owl", "a", "owl"],
  ],
  [
    "hand_off",
    { task: "t", agents: ["oa/a", "oa/b", "oa/owl"] },
    {
      a: slow({ action: "hand_off", to: "oa/b", notes: "one", reason: "r" }),
      b: slow({ action: "hand_off", to: "oa/owl", notes: "two", reason: "r" }),
      owl: slow({ action: "answer", answer: "end", reason: "r" }),
    },
    ["a", "b", "owl"],
  ],
];

test.each(cases)(
  "%s goes on where it stood after each restart, and asks nothing again that was answered",
  async (name, input, answers, models) => {
    const prices = Object.fromEntries(MODELS.map((model) => [model, PRICE]));
    const home = await newHome();
    const vendor = await startVendor({ script: byModel(answers), prices });
    try {
      const options = { home, vendor, prices, settings: { model: "oa/a" } };
      let house = await openHouse(options);
      const { id } = await house.start(name, input);
      for (let asked = 1; asked < models.length; asked++) {
        await eventually(
          async () => (await house.attempts(id)).filter(({ state }) => state === "settled").length >= asked,
        );
        await house.close();
        house = await openHouse(options);
        house.engine.awaken();
      }
      const run = await house.ended(id);
      expect(run).toMatchObject({ status: "succeeded", output: { output: "end" } });
      const lines = (await house.store.memory(id)).lines.filter(({ kind }) => kind === "call");
      expect(lines).toHaveLength(models.length);
      const answered = (await house.attempts(id)).filter(({ result }) => result === "ok");
      expect(answered).toHaveLength(models.length);
      await house[Symbol.asyncDispose]();
    } finally {
      await vendor.close();
      await rm(home, { recursive: true, force: true });
    }
  },
);
