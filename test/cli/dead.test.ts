import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { listDead, settleDead, showDead } from "../../src/cli/dead.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import type { FailureInfo } from "../../src/core/errors.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { end, event, line, played, REAL_CLOCK } from "../store/kit.ts";
import { baton, temporaryHome } from "./server-process.ts";

vi.setConfig({ testTimeout: 60_000 });

const { home, remove } = temporaryHome();
beforeEach(() => vi.stubEnv("BATON_REHEARSAL", "true"));
afterEach(() => {
  vi.unstubAllEnvs();
  remove();
});

const died = (code: FailureInfo["code"], step: string): FailureInfo => ({
  code,
  kind: "catastrophic",
  message: `${step} broke`,
  retryable: false,
  step,
  hint: "look at it",
});

/** The ends of the four runs are events too. */
const DELIVERY = "orders#5";

/** Three dead runs, one that failed, and a dead delivery; the ids of the runs. */
async function letters(): Promise<readonly string[]> {
  const ALL = { name: "orders", on: { type: "order.*" }, run: "gone" };
  const store = await openStore({ home, clock: REAL_CLOCK, subscriptions: () => [ALL] });
  const ids: string[] = [];
  for (const [code, label] of [
    ["CRASH_LOOP", "night"],
    ["DIVERGED", "night"],
    ["CRASH_LOOP", "day"],
    [undefined, "day"],
  ] as const) {
    const fence = await played(store, { labels: [label] });
    const ending = code ? end("dead", { error: died(code, "edit"), output: { draft: "half a text" } }) : end("failed");
    await store.write(fence, [line(1, { place: "draft", value: "half a text" }), ending]);
    ids.push(fence.run);
  }
  await store.publish(event("1"), "local");
  const [delivery] = (await store.due(["orders"], 1)).due;
  if (delivery) await store.missed(delivery, { next: "never", error: "UNKNOWN_WORKFLOW: there is no gone" });
  await store.close();
  return ids;
}

/** A terminal, with somebody at it if they say something. */
function at(...says: string[]): Terminal & { readonly text: () => string } {
  const read: string[] = [];
  return {
    isPerson: says.length > 0,
    text: () => read.join("\n"),
    say: (text) => void read.push(text),
    ask: async (question) => {
      read.push(question);
      return says.shift() ?? "";
    },
  };
}

const listed = async (which: object = {}): Promise<string> => {
  const terminal = at();
  await listDead({ home, ...which }, terminal);
  return terminal.text();
};

async function statuses(ids: readonly string[]): Promise<readonly (string | undefined)[]> {
  const store = await openStore({ home, clock: REAL_CLOCK });
  const found = await Promise.all(ids.map((id) => store.get(id)));
  await store.close();
  return found.map((run) => run?.status);
}

describe("baton dead list", () => {
  it("tells of dead runs and dead deliveries, and of nothing else", async () => {
    const [first = "", second = "", third = "", failed = ""] = await letters();
    const all = await listed();
    for (const id of [first, second, third, DELIVERY]) expect(all).toContain(id);
    expect(all).toContain("UNKNOWN_WORKFLOW");
    expect(all).not.toContain(failed);
    expect((await listed({ code: "CRASH_LOOP", label: "night" })).split("\n")).toHaveLength(1);
    expect(await listed({ since: "1h", code: "DIVERGED" })).toContain(second);
    expect(await listed({ since: "2999-01-01" })).toBe("There are no dead letters.");
    await expect(listed({ since: "soon" })).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });
});

describe("baton dead show", () => {
  it("tells what was asked, what went wrong where, what was done, and what to do now", async () => {
    const [first = ""] = await letters();
    const { code, stdout } = await baton(["dead", "show", first], home);
    expect(code).toBe(0);
    for (const part of ["Write about rivers.", "CRASH_LOOP (catastrophic): edit broke", "look at it", "half a text"])
      expect(stdout).toContain(part);
    expect(stdout).toContain(`baton dead requeue ${first}`);
  });

  it("tells the event of a delivery and why it never began", async () => {
    await letters();
    const terminal = at();
    await showDead(DELIVERY, { home }, terminal);
    expect(terminal.text()).toContain("there is no gone");
    expect(terminal.text()).toContain('"type": "order.paid"');
  });
});

describe("baton dead requeue and drop", () => {
  it("take one by its id", async () => {
    const [first = "", second = "", third = "", failed = ""] = await letters();
    const terminal = at();
    await settleDead("requeue", first, { home }, terminal);
    await settleDead("drop", second, { home }, terminal);
    await settleDead("requeue", DELIVERY, { home }, terminal);
    expect(await statuses([first, second, third])).toEqual(["queued", "dead", "dead"]);
    const left = await listed();
    expect(left.split("\n")).toHaveLength(1);
    expect(left).toContain(third);
    await expect(settleDead("drop", failed, { home }, terminal)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  it("take all that are meant, once somebody has agreed to how many", async () => {
    const ids = await letters();
    const which = { home, code: "CRASH_LOOP" };
    const doubtful = at("no");
    await settleDead("requeue", undefined, which, doubtful);
    expect(doubtful.text()).toContain("requeue 2 dead letters?");
    expect(doubtful.text()).toContain("Nothing was done.");
    await expect(settleDead("requeue", undefined, which, at())).rejects.toMatchObject({
      message: "this would requeue 2 dead letters; nothing was done",
    });
    expect(await statuses(ids)).toEqual(["dead", "dead", "dead", "failed"]);
    await settleDead("requeue", undefined, which, at("yes"));
    expect(await statuses(ids)).toEqual(["queued", "dead", "queued", "failed"]);
    expect((await baton(["dead", "drop", "--all", "--yes"], home)).code).toBe(0);
    expect(await listed()).toBe("There are no dead letters.");
    expect(await statuses(ids)).toEqual(["queued", "dead", "queued", "failed"]);
  });

  it("must be told which", async () => {
    const { code, stderr } = await baton(["dead", "drop"], home);
    expect(code).toBe(2);
    expect(stderr).toContain("--code, --since, --pattern, --label, --all");
  });
});
