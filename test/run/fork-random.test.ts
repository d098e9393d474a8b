import { describe, expect, test } from "vitest";
import type { Fork } from "../../src/core/changes.ts";
import { Failure } from "../../src/core/errors.ts";
import { beganAt, isStep } from "../../src/core/fork.ts";
import { hasEnded } from "../../src/core/status.ts";
import type { Line, Run } from "../../src/core/store.ts";
import { Dice, digest } from "./dice.ts";
import { randomPattern } from "./programs.ts";
import { Scene } from "./scene.ts";

const numberOf = (text: string): number => Number.parseInt(Buffer.from(digest(text)).toString("hex").slice(0, 6), 16);

/** Models that always say the same to the same question, after their own time; some refuse. */
function cast(scene: Scene): void {
  scene.say = ({ prompt }) => {
    const chance = numberOf(prompt) % 100;
    const say = chance < 8 ? new Failure("REFUSED", "no") : JSON.stringify({ said: digest(prompt) });
    return { say, ms: 1 + (numberOf(`${prompt} late`) % 60) };
  };
  scene.deeds = [{ name: "probe", perform: async (input) => digest(JSON.stringify(input)) }];
}

/** Plays a run to its end; whoever is asked says yes. */
async function seen(scene: Scene, id: string): Promise<Run> {
  for (let n = 0; n < 100; n++) {
    await scene.until(async () => hasEnded((await scene.run(id)).status) || (await scene.run(id)).status === "waiting");
    const run = await scene.run(id);
    if (hasEnded(run.status)) return run;
    for (const { place, kind, approval } of (await scene.store.progress(id)).waiting) {
      const decision = kind === "answer" ? { how: "answered" as const, value: "yes" } : { how: "approved" as const };
      await scene.store.decide(id, place, { ...decision, ...(approval && { approval }) }, "eve").catch(() => {});
    }
    await scene.pass(60);
  }
  throw new Error(`${id} does not end`);
}

/** Did a limit of time end anything? What it cut is asked again, unless it was one call alone. */
const wasCut = (lines: readonly Line[]): boolean =>
  lines.some(({ kind, error }) => kind === "time" || error?.code === "TIMEOUT");

interface Seen {
  readonly unchanged: number;
  readonly asked: number;
}

async function forked(seed: number): Promise<Seen> {
  const dice = new Dice(seed);
  const scene = await Scene.open();
  try {
    cast(scene);
    const { pattern } = randomPattern(seed, "random");
    const input = { run: "r", told: `seed ${seed}` };
    const source = await scene.start(pattern, { input });
    const first = await scene.serve();
    const before = await seen(scene, source);
    first.die();
    const { lines } = await scene.store.memory(source);
    const whole = JSON.stringify(lines);
    const upto = Math.max(0, ...lines.map(({ seq }) => seq));
    const more = { input, source, seed: source } as const;

    scene.asked.length = 0;
    const same = await scene.start(pattern, { ...more, fork: { upto, effects: "run" } });
    const second = await scene.serve();
    const after = await seen(scene, same);
    second.die();
    const asked = scene.asked.length;
    if (!wasCut(lines)) {
      if (before.status === "succeeded") expect(after.output).toEqual(before.output);
      expect([after.status, after.error?.code]).toEqual([before.status, before.error?.code]);
      expect(asked).toBe(0);
      expect(after.usage.calls).toBe(0);
    }
    const { lines: told } = await scene.store.memory(same);
    expect(await scene.faults(same)).toEqual([]);

    const steps = told.filter(isStep).map(({ place }) => place);
    const step = steps.length > 0 ? dice.pick(steps) : undefined;
    const from = step === undefined ? {} : { from: { step, seq: beganAt(lines, step) } };
    const fork: Fork = { upto, effects: "run", ...(Number.isFinite(from.from?.seq) && from) };
    const other = await scene.start(pattern, { ...more, fork });
    const kill = dice.whole(1, 12);
    const third = await scene.serve((server, count) => count === kill && server.die());
    const fourth = await scene.serve();
    await seen(scene, other);
    third.die();
    fourth.die();
    expect(await scene.faults(other)).toEqual([]);
    expect(JSON.stringify((await scene.store.memory(source)).lines)).toBe(whole);
    return { unchanged: wasCut(lines) ? 0 : 1, asked };
  } finally {
    await scene.close();
  }
}

describe("forks of random programs", () => {
  test("unchanged ask nobody and end as their source; from any step on, and through a crash, they keep every promise", async () => {
    let unchanged = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const told = await forked(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
      });
      unchanged += told.unchanged;
    }
    expect(unchanged).toBeGreaterThan(20);
  }, 120_000);
});
