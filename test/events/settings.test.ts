import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { openSubscriptions } from "../../src/events/subscriptions.ts";
import { cleaned } from "../store/home.ts";
import { FakeClock } from "../store/kit.ts";

const { folder } = cleaned();

function read(lines: readonly string[]) {
  const cwd = folder();
  writeFileSync(join(cwd, "baton.yaml"), ["subscriptions:", ...lines].join("\n"));
  return () => readConfig({ cwd, env: {} }).subscriptions;
}

describe("the setting `subscriptions`", () => {
  test("is read as it stands", () => {
    const lines = ["  - on: { type: order.*, where: event.data.total > 1.0 }", "    run: writer", "    attempts: 2"];
    expect(read(lines)()).toEqual([
      { on: { type: "order.*", where: "event.data.total > 1.0" }, run: "writer", attempts: 2 },
    ]);
  });

  test.each([
    [
      "a condition that cannot be read",
      ["  - on: { type: x, where: event.data. }", "    run: a"],
      /:2:27: `subscriptions\.0\.on\.where`.*cannot be used/,
    ],
    [
      "a condition over what is not there",
      ["  - on: { type: x, where: order.total > 1 }", "    run: a"],
      /:2:27: .*order/,
    ],
    [
      "a template that cannot be read",
      ["  - on: { type: x }", "    run: a", "    inputs: { task: '{{ event.data' }"],
      /:4:13: `subscriptions\.0\.inputs`/,
    ],
    [
      "inputs over what is not there",
      ["  - on: { type: x }", "    run: a", "    inputs: { task: '{{ inputs.x }}' }"],
      /no variable `inputs`/,
    ],
    [
      "a name that stands twice",
      ["  - { on: { type: x }, run: a }", "  - { on: { type: x }, run: a }"],
      /:3:5: `subscriptions\.1`: another one is called "a:x"/,
    ],
    ["a word that nobody knows", ["  - { on: { typ: x }, run: a }"], /did you mean `type`/],
    ["nobody to run", ["  - { on: { type: x } }"], /`subscriptions\.0\.run`/],
  ])("is refused with %s, where it stands", (_, lines, words) => {
    expect(read(lines)).toThrow(words);
  });
});

describe("who wants to be started", () => {
  test("is told by the settings and by workflow files, as they are a second later at the latest", () => {
    const clock = new FakeClock();
    const cards = [{ name: "report", on: [{ type: "day.over" }, { type: "run.dead" }] }];
    const subscriptions = openSubscriptions({
      settings: [{ on: { type: "x" }, run: "a" }],
      cards: () => [...cards],
      clock,
    });
    const names = () => subscriptions.latest().map(({ name, run }) => `${name} ${run}`);
    expect(subscriptions.known()).toHaveLength(3);
    expect(names()).toEqual(["a:x a", "report/on/1 report", "report/on/2 report"]);
    cards.pop();
    clock.pass(1000);
    expect(subscriptions.known()).toHaveLength(3);
    expect(names()).toEqual(["a:x a"]);
    expect(subscriptions.known()).toHaveLength(1);
  });
});
