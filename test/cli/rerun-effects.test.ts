import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Rooms, rooms } from "../tools/rooms.ts";
import { openReceiver } from "../workflows/receiver.ts";
import { baton, typedInto } from "./server-process.ts";

vi.setConfig({ testTimeout: 60_000 });

let receiver: Awaited<ReturnType<typeof openReceiver>>;
let house: Rooms;
let strict: Rooms;
let hosts: Record<string, string>;

beforeAll(async () => {
  receiver = await openReceiver();
  hosts = { BATON_HOSTS: JSON.stringify([`http://${receiver.host}`]) };
  house = rooms(hosts);
  strict = rooms({ ...hosts, BATON_APPROVALS__SELF: "false" });
});
afterAll(async () => {
  await Promise.all([house.close(), strict.close()]);
  await receiver[Symbol.asyncDispose]();
});

const told = () => receiver.asked.splice(0);

/** A run that has drafted and sent a mail; its id. */
async function sent(own: Rooms, mail: object = {}, before: object = {}): Promise<string> {
  const nodes = {
    draft: { agent: "writer", task: "Write a mail." },
    ...before,
    mail: { http: { method: "POST", url: `http://${receiver.host}/mail` }, after: ["draft"], ...mail },
  };
  const { data } = await own.call("run_workflow", { definition: { nodes } });
  const id = String(data.run_id);
  if (data.status === "waiting") {
    const { store, engine } = await own.baton.open();
    const [wait] = (await store.progress(id)).waiting;
    await store.decide(id, wait?.place ?? "", { how: "approved" }, "ann");
    engine.nudge(id);
    await engine.wait(id, 15_000);
  }
  expect(told()).toEqual(["POST /mail"]);
  return id;
}

/** From the draft on, with its effects. */
const again = { from_step: "map/0/draft", rerun_effects: true };

const ALLOW = { allow: { wait: { approval: "Send it?" }, high_risk: true } };

describe("a model that asks for a replay with its effects", () => {
  it("has them done again unasked, where it could have approved them itself", async () => {
    const { data } = await house.call("replay_run", { run_id: await sent(house), ...again });
    expect(data.status).toBe("succeeded");
    expect(told()).toEqual(["POST /mail"]);
  });

  it("does not have one of high risk done again: that waits for a person, whom it cannot speak for", async () => {
    const { data } = await house.call("replay_run", { run_id: await sent(house, { high_risk: true }), ...again });
    expect(data).toMatchObject({ status: "waiting", waiting_for: { kind: "approval", by: "person" } });
    const { approval } = data.waiting_for ?? {};
    const refused = await house.call("decide", { run_id: data.run_id, decision: "approve", approval });
    expect(refused.data.error).toMatchObject({ code: "FORBIDDEN" });
    expect(told()).toEqual([]);
  });

  it.each([
    ["the settings leave approvals to people", () => strict, {}],
    ["a step of the run was left to people", () => house, ALLOW],
  ])("is told that they wait for a person, where %s", async (_, own, before) => {
    const { data } = await own().call("replay_run", { run_id: await sent(own(), {}, before), ...again });
    expect(data).toMatchObject({ status: "waiting", note: expect.stringContaining("waits for a person here") });
    expect(told()).toEqual([]);
  });
});

describe("baton replay --rerun-effects", () => {
  const command = (id: string) => ["replay", id, "--from", "map/0/draft", "--rerun-effects"];
  const env = () => ({ ...hosts, BATON_APPROVALS__SELF: "false" });
  const home = () => join(strict.folder, "home");

  it("of a script is like that of a model", async () => {
    const id = await sent(strict);
    const { stdout } = await baton([...command(id), "--json"], home(), env());
    expect(JSON.parse(stdout)).toMatchObject({ status: "waiting" });
    expect(told()).toEqual([]);
  });

  it.skipIf(!existsSync("/usr/bin/script"))(
    "at a terminal is a person's, who types the run's last letters",
    async () => {
      const id = await sent(strict, { high_risk: true });
      const { stdout } = await typedInto(command(id), home(), [id.slice(-4)], env());
      expect(stdout).toContain("status: succeeded");
      expect(told()).toEqual(["POST /mail"]);
    },
  );
});
