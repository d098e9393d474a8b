import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigSource, readConfig } from "../../src/config.ts";
import type { StartRequest } from "../../src/core/engine.ts";
import type { Run } from "../../src/core/store.ts";
import { patterns } from "../../src/patterns/index.ts";
import { openBaton } from "../../src/server.ts";
import type { Asked, Reply, Script } from "../stub/script.ts";
import { startVendor } from "../stub/vendor.ts";

const PATIENCE_MS = 15_000;

/** A whole Baton on a home of its own, whose models (`stub/<name>`) are those of a fake vendor. */
export async function openStand(script: Script, settings: ConfigSource["overrides"] = {}) {
  const home = await mkdtemp(join(tmpdir(), "baton-patterns-"));
  const vendor = await startVendor({ script });
  const config = readConfig({
    cwd: home,
    env: {},
    overrides: {
      home,
      model: "stub/model",
      agents: [],
      log: "silent",
      providers: { stub: { type: "openai", base_url: vendor.v1, free: true } },
      retry: { initial_ms: 1, max_ms: 1000 },
      ...settings,
    },
  });
  const baton = await openBaton(config, { env: {} });
  const { engine, store } = baton;

  /** Starts a run, and comes back when it has ended or waits for somebody. */
  async function play(name: string, input: unknown, more: Partial<StartRequest> = {}): Promise<Run> {
    const pattern = patterns.find((each) => each.name === name);
    if (!pattern) throw new Error(`no pattern ${name}`);
    const { run } = await engine.start({ pattern, input: pattern.input.parse(input), caller: "test", ...more });
    return engine.wait(run.id, PATIENCE_MS);
  }

  /** Settles what a run waits for, and comes back when it has ended or waits again. */
  async function decide(id: string, how: "approved" | "rejected" | "answered", value?: unknown): Promise<Run> {
    const [wait] = (await store.progress(id)).waiting;
    if (!wait) throw new Error("the run waits for nobody");
    await store.decide(id, wait.place, { how, ...(value !== undefined && { value }) }, "test");
    engine.nudge(id);
    return engine.wait(id, PATIENCE_MS);
  }

  return {
    vendor,
    store,
    engine,
    play,
    decide,
    /** What was asked, in order: the model and the last words of the user. */
    asked: () => vendor.requests.map(({ model, user }) => ({ model, user })),
    models: () => vendor.requests.map(({ model }) => model),
    async [Symbol.asyncDispose]() {
      await baton.close(0);
      await vendor.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** A script in which each model has its own answers, one after another; the last one stays. */
export function byModel(
  answers: Readonly<Record<string, readonly Reply[] | Reply | ((asked: Asked) => Reply)>>,
): Script {
  const counts = new Map<string, number>();
  return (asked) => {
    const answer = answers[asked.model];
    if (typeof answer === "function") return answer(asked);
    const nth = counts.get(asked.model) ?? 0;
    counts.set(asked.model, nth + 1);
    const list: readonly Reply[] = answer === undefined ? [] : Array.isArray(answer) ? answer : [answer as Reply];
    return list[Math.min(nth, list.length - 1)];
  };
}
