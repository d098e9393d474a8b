import { afterEach, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { SILENT } from "../../src/core/log.ts";
import { makeBaton } from "../../src/server.ts";
import type { Envelope } from "../../src/tools/envelope.ts";
import { Home } from "./books.ts";
import { until } from "./patience.ts";
import { Player } from "./player.ts";
import { fanOut, tellStories } from "./stories.ts";

afterEach(() => Player.endAll());

/** A server on the same home that takes up nothing itself, as a caller sees it. */
function beside(home: Home) {
  const config = readConfig({ cwd: home.folder, env: { BATON_REHEARSAL: "true" }, overrides: { home: home.path } });
  const baton = makeBaton(config, { log: SILENT, env: {}, asleep: true });
  return {
    async call(name: string, args: object): Promise<Envelope> {
      const tool = baton.tools.find((each) => each.name === name);
      const reply = await tool?.call(args, { caller: "local", signal: new AbortController().signal });
      return reply?.data as Envelope;
    },
    close: () => baton.close(0),
  };
}

test("a cancel says what still runs for as long as its player has not stopped it, and nothing once it has", async () => {
  using home = new Home();
  const vendor = await tellStories({ fault: "hang" });
  const player = await Player.open({ home: home.path, vendor: vendor.v1 });
  const { id } = await player.tell("start", fanOut("cancelled", 2));
  await until("both views are asked", () => vendor.report().open === 2);
  player.signal("SIGSTOP");
  await until("it stands still", () => player.isStopped);
  const other = beside(home);
  const asked = await other.call("control_run", { run_id: id, action: "cancel" });
  expect(asked).toMatchObject({ status: "running", note: expect.stringContaining("has not been stopped yet") });
  expect(asked.steps?.running).toHaveLength(2);
  expect(vendor.report().open).toBe(2);
  player.signal("SIGCONT");
  await until("the sockets are closed", () => vendor.report().open === 0);
  const over = await until("it is cancelled", async () => {
    const told = await other.call("get_run", { run_id: id, wait_seconds: 0 });
    return told.status === "cancelled" && told;
  });
  expect(over).toMatchObject({ status: "cancelled", steps: { running: [] }, usage: { calls: 2, partial: true } });
  expect(over.note ?? "").not.toContain("asked for");
  await other.close();
  await vendor.close();
}, 60_000);
