import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { eventually } from "../house.ts";
import { type Rooms, rooms } from "./rooms.ts";

const DAY = 86_400_000;
const TWO = { task: "t", steps: [{ agent: "writer" }, { agent: "critic" }], on_budget: "ask" };

let folder: string;
let off = 0;
const open: Rooms[] = [];
const clock = { ...systemClock, now: () => systemClock.now() + off };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-caps-"));
  off = 0;
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
  rmSync(folder, { recursive: true, force: true });
});

/** A server on the one home of a test, with these caps in its settings. */
function serve(caps: Readonly<Record<string, string>>): Rooms {
  const served = rooms({ BATON_RETRY__ATTEMPTS: "1", BATON_HOME: join(folder, "home"), ...caps }, { clock });
  open.push(served);
  return served;
}

const statusOf = async (house: Rooms, run_id: string | null) => (await house.call("get_run", { run_id })).data.status;
const nextDay = () => (Math.floor(clock.now() / DAY) + 1) * DAY;

describe("with on_budget: ask a run that is stopped by a cap above it", () => {
  it.each(["day", "caller"])(
    "says that it is the %s's, until when, and that its own budget does not help",
    async (scope) => {
      const house = serve({ [`BATON_BUDGETS__${scope.toUpperCase()}__CALLS`]: "1" });
      const { data, text } = await house.call("run_pipeline", TWO);
      const { run_id } = data;
      expect(data).toMatchObject({
        status: "waiting",
        waiting_for: {
          kind: "budget",
          until: new Date(nextDay()).toISOString(),
          note: expect.stringContaining(`cap of the ${scope}`),
          show: { scope, hint: expect.stringContaining(`budgets.${scope}`) },
        },
        next: { tool: "get_run", arguments: { run_id } },
      });
      expect(JSON.stringify(data)).not.toContain("raise_budget");
      expect(text).not.toMatch(/decided|a person decides/);

      const value = { calls: 10 };
      const { data: raised } = await house.call("decide", { run_id, decision: "raise_budget", value });
      expect(raised).toMatchObject({ status: "waiting", waiting_for: { step: data.waiting_for?.step } });

      off = nextDay() + 1000 - systemClock.now();
      await eventually(async () => (await statusOf(house, run_id)) === "succeeded");
    },
  );

  it("goes on when a server begins whose settings allow more, and is left alone by one whose settings do not", async () => {
    const first = serve({ BATON_BUDGETS__DAY__CALLS: "1" });
    const { data } = await first.call("run_pipeline", TWO);
    expect(data.status).toBe("waiting");
    const { store } = await first.baton.open();
    const { epoch } = (await store.get(data.run_id ?? "")) ?? {};
    const same = serve({ BATON_BUDGETS__DAY__CALLS: "1" });
    expect((await same.call("run_agent", { agent: "writer", task: "t" })).data.status).toBe("failed");
    expect(await store.get(data.run_id ?? "")).toMatchObject({ status: "waiting", epoch });
    await Promise.all(open.splice(0).map((each) => each.close()));
    const more = serve({ BATON_BUDGETS__DAY__CALLS: "2" });
    await more.call("list_runs", {});
    await eventually(async () => (await statusOf(more, data.run_id)) === "succeeded");
  });
});
