import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { approve } from "../../src/cli/approve.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import type { Run } from "../../src/core/store.ts";
import { rooms } from "../tools/rooms.ts";
import { baton, typedInto } from "./server-process.ts";

vi.setConfig({ testTimeout: 60_000 });

const house = rooms();
const { folder } = house;
const home = join(folder, "home");
beforeAll(() => house.baton.open());
afterAll(() => house.close());

const SCHEMA = {
  type: "object",
  properties: { sum: { type: "number" } },
  required: ["sum"],
  additionalProperties: false,
};
const pay = (more: object = {}) => ({
  ok: {
    wait: { approval: "Pay Ada?", action: { name: "pay", arguments: { sum: 5 } } },
    output_schema: SCHEMA,
    ...more,
  },
});

async function waiting(nodes: object = pay(), more: object = {}): Promise<string> {
  const { data } = await house.call("run_workflow", { definition: { nodes }, ...more });
  expect(data.status).toBe("waiting");
  return String(data.run_id);
}

async function ended(id: string): Promise<Run | undefined> {
  const { engine } = await house.baton.open();
  return engine.wait(id, 15_000);
}

const decidedBy = async (id: string) => {
  const { store } = await house.baton.open();
  return (await store.memory(id)).waits.map(({ decided_by, state }) => decided_by ?? state);
};

/** Somebody at a terminal who says these things, one after another. */
function person(...says: string[]): Terminal & { readonly read: string[] } {
  const read: string[] = [];
  return {
    isPerson: true,
    read,
    say: (text) => void read.push(text),
    async ask(question) {
      read.push(question);
      return says.shift() ?? "";
    },
  };
}

const atTerminal = (id: string | undefined, options: object, terminal: Terminal) =>
  approve(id, { home, ...options }, terminal);

describe("baton approve", () => {
  it("lists all that waits for somebody, and decides nothing by itself", async () => {
    const [one, two] = [await waiting(), await waiting({ q: { wait: { answer: "Which colour?" } } })];
    const { code, stdout } = await baton(["approve"], home);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`${one} run_workflow: approval at \\S*ok: .*"pay"`));
    expect(stdout).toMatch(new RegExp(`${two} run_workflow: answer at \\S*q: Which colour\\?`));
    const { stdout: shown } = await baton(["approve", one], home);
    expect(shown).toContain('"sum": 5');
    expect(shown).toMatch(/by\s+inline@[0-9a-f]{32}/);
    expect(shown).toContain("Nothing was decided");
    expect(await decidedBy(one)).toEqual(["open"]);
  });

  it("approves, rejects and answers from a script where no person is needed, and the server that is there goes on", async () => {
    const [yes, no, answer] = [await waiting(), await waiting(), await waiting({ q: { wait: { answer: "Colour?" } } })];
    expect((await baton(["approve", yes, "--yes"], home)).stdout).toMatch(/ok of r_\w+ is approved/);
    await baton(["approve", no, "--reject", "--note", "too dear"], home);
    await baton(["approve", answer, "--answer", "blue"], home);
    expect(await ended(yes)).toMatchObject({ status: "succeeded", output: { sum: 5 } });
    expect(await ended(no)).toMatchObject({
      status: "failed",
      error: { message: expect.stringContaining("too dear") },
    });
    expect(await ended(answer)).toMatchObject({ output: "blue" });
    expect(await decidedBy(yes)).toEqual([expect.stringMatching(/\(command line\)$/)]);
  });

  it("takes an edit from a file if it fits, and tells what does not", async () => {
    const id = await waiting();
    const file = join(folder, "edit.json");
    writeFileSync(file, '{"sum": "four"}');
    const refused = await baton(["approve", id, "--edit", file], home);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("/sum must be number") });
    expect(await decidedBy(id)).toEqual(["open"]);
    writeFileSync(file, '{"sum": 4}');
    await baton(["approve", id, "--edit", file], home);
    expect(await ended(id)).toMatchObject({ output: { sum: 4 } });
  });

  it("leaves what is of high risk to a person at a terminal, who types the run's last letters", async () => {
    const id = await waiting(pay({ high_risk: true }));
    const script = await baton(["approve", id, "--yes"], home, {}, `${id.slice(-4)}\n`);
    expect(script).toMatchObject({ code: 2, stderr: expect.stringContaining("no terminal") });
    await expect(atTerminal(id, { yes: true }, person("nope"))).rejects.toThrow(/last letters/);
    expect(await decidedBy(id)).toEqual(["open"]);
    const ann = person("approve", id.slice(-4).toUpperCase());
    await atTerminal(id, {}, ann);
    expect(ann.read.join("\n")).toMatch(/risk\s+high/);
    expect(await ended(id)).toMatchObject({ status: "succeeded" });
  });

  it("lets a person who has the files decide what is left to named approvers, and records that", async () => {
    const id = await waiting({ ok: { wait: { approval: "Pay?", approvers: ["ada"] } } });
    const script = await baton(["approve", id, "--yes"], home, {}, `${id.slice(-4)}\n`);
    expect(script).toMatchObject({ code: 2, stderr: expect.stringContaining("no terminal") });
    const owner = person("approve", id.slice(-4));
    await atTerminal(id, {}, owner);
    expect(owner.read.join("\n")).toMatch(/may\s+ada; here also whoever has these files/);
    expect(await ended(id)).toMatchObject({ status: "succeeded" });
    expect(await decidedBy(id)).toEqual([expect.stringMatching(/ \(terminal, as who has the files\)$/)]);
  });

  it("asks a person which of several it is, and what they decide", async () => {
    const id = await waiting({ a: { wait: { answer: "A?" } }, b: { wait: { answer: "B?" } } });
    expect(await baton(["approve", id, "--answer", "x"], home)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--step"),
    });
    await atTerminal(id, {}, person("2", "answer", "bee"));
    await atTerminal(id, {}, person("answer", "ay"));
    expect(await ended(id)).toMatchObject({ output: { a: "ay", b: "bee" } });
  });

  it("raises a budget; above what one run may have only for a person", async () => {
    const id = await waiting(pay());
    expect((await baton(["approve", id, "--raise", "6"], home)).stderr).toContain("no terminal");
    expect((await baton(["approve", id, "--raise", "3"], home)).stdout).toContain("is now 3 USD");
    await atTerminal(id, { raise: 6 }, person(id.slice(-4)));
    expect((await (await house.baton.open()).store.get(id))?.caps.usd).toBe(6_000_000_000);
  });

  it("raises the cap that has run out, and says first which that is", async () => {
    const steps = [{ agent: "writer" }, { agent: "critic" }];
    const start = () => house.call("run_pipeline", { task: "t", steps, budget: { calls: 1 }, on_budget: "ask" });
    const [one, other] = [String((await start()).data.run_id), String((await start()).data.run_id)];
    const told = await baton(["approve", one], home);
    expect(told.stdout).toContain("the run's cap of calls is 1");
    expect(told.stdout).toContain("Nothing was decided. Say --raise <calls>.");
    await baton(["approve", one, "--raise", "2"], home);
    expect(await ended(one)).toMatchObject({ status: "succeeded", caps: { calls: 2 } });
    const somebody = person("3");
    await atTerminal(other, {}, somebody);
    expect(somebody.read.join("\n")).toContain("The new cap in calls, such as 2");
    expect(await ended(other)).toMatchObject({ status: "succeeded", caps: { calls: 3 } });
  });

  it("shows no control characters, so that nothing is hidden from who decides", async () => {
    const id = await waiting({ ok: { wait: { approval: "Pay 5.\u001b[2K\u202e Pay 500." } } });
    const { stdout } = await baton(["approve", id], home);
    for (const sign of ["\u001b", "\u202e"]) expect(stdout).not.toContain(sign);
    expect(stdout).toContain("Pay 500.");
  });

  it.skipIf(!existsSync("/usr/bin/script"))("takes a real terminal for a person", async () => {
    const id = await waiting(pay({ high_risk: true }));
    const { code, stdout } = await typedInto(["approve", id], home, ["approve", id.slice(-4)]);
    expect(stdout).toContain("is approved");
    expect(code).toBe(0);
    expect(await ended(id)).toMatchObject({ status: "succeeded" });
  });
});
