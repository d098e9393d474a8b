import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Run } from "../../src/core/store.ts";
import { type House, newHome, openHouse } from "../house.ts";

const script = (): { text: string } => ({ text: "fine" });
const AGENTS = { critic: { models: ["oa/m"], told: "You are the first critic." } };

const fileOf = (house: House, name = "critic"): string => join(house.home, "agents", `${name}.md`);

/** Writes an agent's file anew, with another text and perhaps a tag. */
function rewritten(house: House, text: string, tag?: string): void {
  const before = readFileSync(fileOf(house), "utf8").replace(/^version: .*\n/m, "");
  const [front = "", own = ""] = before.split(/(?<=\n---\n)/);
  const tagged = tag === undefined ? front : front.replace(/^---\n/, `---\nversion: ${tag}\n`);
  writeFileSync(fileOf(house), `${tagged}${own === "" ? "" : text}\n`);
}

async function told(house: House, run: Run): Promise<{ system: string | undefined; agent: string | undefined }> {
  const [attempt] = await house.attempts(run.id);
  return { system: attempt?.input.system, agent: attempt?.agent };
}

const versionOf = async (house: House, run: Run): Promise<string> =>
  (await told(house, run)).agent?.replace("critic@", "") ?? "";

describe("an older version of an agent", () => {
  test("is asked by its hash or its tag, though the file says something else by now, or is gone", async () => {
    await using house = await openHouse({ script, agents: AGENTS });
    rewritten(house, "You are the first critic.", "1.0.0");
    const first = await versionOf(house, await house.ask("critic"));
    rewritten(house, "You are the second critic.", "2.0.0");
    const second = await versionOf(house, await house.ask("critic"));
    expect(second).not.toBe(first);
    for (const ref of [`critic@${first}`, "critic@1.0.0"]) {
      const run = await house.ask(ref);
      expect(run.status, ref).toBe("succeeded");
      expect(await told(house, run), ref).toMatchObject({
        system: "You are the first critic.",
        agent: `critic@${first}`,
      });
    }
    expect(await told(house, await house.ask("critic@2.0.0"))).toMatchObject({ system: "You are the second critic." });
    rmSync(fileOf(house));
    expect((await house.ask(`critic@${first}`)).status).toBe("succeeded");
    await expect(house.ask("critic@9.9.9")).rejects.toMatchObject({
      code: "UNKNOWN_AGENT",
      options: { hint: expect.stringContaining(`${second} (2.0.0)`) },
    });
  });

  test("is known to another server on the same home, and stands beside the present one in one run", async () => {
    const home = await newHome();
    await using one = await openHouse({ script, agents: AGENTS, home });
    const first = await versionOf(one, await one.ask("critic"));
    await using two = await openHouse({ script, home, vendor: one.vendor });
    rewritten(one, "You are the second critic.");
    const run = await two.play("fan_out", { task: "t", agents: ["critic", `critic@${first}`] });
    const systems = (await two.attempts(run.id)).map(({ input }) => input.system);
    expect(systems.toSorted()).toEqual(["You are the first critic.", "You are the second critic."]);
  });

  test("may stand in a fork", async () => {
    await using house = await openHouse({ script, agents: AGENTS });
    const first = await versionOf(house, await house.ask("critic"));
    rewritten(house, "You are the second critic.");
    const source = await house.ask("critic");
    const { run } = await house.engine.fork({
      source,
      caller: "test",
      changes: { agents: { critic: { version: first } } },
    });
    const ended = await house.ended(run.id);
    expect(await told(house, ended)).toMatchObject({ agent: `critic@${first}` });
  });

  test("was only tried out in a fork: it is kept by its hash, and no tag means it", async () => {
    await using house = await openHouse({ script, agents: AGENTS });
    rewritten(house, "You are the first critic.", "1.0.0");
    const source = await house.ask("critic");
    const changes = { agents: { critic: { instructions: "You are a tried critic." } } };
    const { run } = await house.engine.fork({ source, caller: "test", changes });
    await house.ended(run.id);
    const { versions } = await house.store.versions.standing();
    const tried = versions.find(({ body }) => body.includes("tried critic"));
    expect(tried).toMatchObject({ name: "critic", tried: true });
    expect(await told(house, await house.ask("critic@1.0.0"))).toMatchObject({ system: "You are the first critic." });
    expect(await told(house, await house.ask(`critic@${tried?.version}`))).toMatchObject({
      system: "You are a tried critic.",
    });
  });
});

describe("the active version", () => {
  test("is the newest file's until somebody chooses another; runs that have begun keep theirs", async () => {
    await using house = await openHouse({ script, agents: AGENTS });
    const first = await versionOf(house, await house.ask("critic"));
    rewritten(house, "You are the second critic.");
    const begun = await house.start("run_pipeline", { task: "t", steps: [{ agent: "critic" }, { agent: "critic" }] });
    await house.store.versions.choose("critic", first, "test");
    expect(await told(house, await house.ask("critic"))).toMatchObject({ system: "You are the first critic." });
    await house.ended(begun.id);
    const systems = (await house.attempts(begun.id)).map(({ input }) => input.system.split("\n")[0]);
    expect(new Set(systems)).toEqual(new Set(["You are the second critic."]));
    rewritten(house, "You are the third critic.");
    expect(await told(house, await house.ask("critic"))).toMatchObject({ system: "You are the first critic." });
    await house.store.versions.choose("critic", undefined, "test");
    expect(await told(house, await house.ask("critic"))).toMatchObject({ system: "You are the third critic." });
  });
});

describe("a retired agent", () => {
  test("is asked by no new run, in no version, and is told with the reason; restored, it is asked again", async () => {
    await using house = await openHouse({ script, agents: AGENTS });
    const version = await versionOf(house, await house.ask("critic"));
    await house.store.versions.retire("agent", "critic", "ann", "judge is better");
    for (const ref of ["critic", `critic@${version}`])
      await expect(house.ask(ref)).rejects.toMatchObject({
        code: "INVALID_AGENT",
        message: expect.stringMatching(/retired by ann .*judge is better/),
      });
    await house.store.versions.restore("agent", "critic", "ann");
    expect((await house.ask("critic")).status).toBe("succeeded");
  });
});
