import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../src/clock.ts";
import { type ConfigSource, readConfig } from "../src/config.ts";
import type { StartRequest } from "../src/core/engine.ts";
import { toNano } from "../src/core/money.ts";
import type { Pattern } from "../src/core/pattern.ts";
import type { Status } from "../src/core/status.ts";
import type { Attempt, Ending, Run } from "../src/core/store.ts";
import { openLog } from "../src/log.ts";
import { patterns as plain } from "../src/patterns/index.ts";
import { Deeds } from "../src/run/deeds.ts";
import { Guard } from "../src/run/guard.ts";
import { Play } from "../src/run/play.ts";
import { compensate } from "../src/run/undo.ts";
import { openBaton } from "../src/server.ts";
import { makeRunWorkflow } from "../src/workflows/run-workflow.ts";
import type { Script } from "./stub/script.ts";
import { type StubPrice, startVendor, type Vendor } from "./stub/vendor.ts";

/** All that a server plays. */
const listed: readonly Pattern[] = [...plain, makeRunWorkflow(plain)];

/** How long anything may take here before it is called lost: the machine is small, and shared. */
export const PATIENCE_MS = 15_000;

type Settings = NonNullable<ConfigSource["overrides"]>;

/** An agent file in few words: its models, what is our own in it, and what it is told. */
interface AgentFile {
  readonly models: readonly string[];
  readonly own?: object;
  readonly told?: string;
}

export interface HouseOptions {
  readonly script?: Script;
  /** By model, for the vendor and for us; what is not here has no price. */
  readonly prices?: Readonly<Record<string, StubPrice>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly bill_aborted?: boolean;
  readonly settings?: Settings;
  readonly agents?: Readonly<Record<string, AgentFile>>;
  /** A home and a vendor that outlive the house; else it has its own. */
  readonly home?: string;
  readonly vendor?: Vendor;
  readonly leaseMs?: number;
  /** Played here; else those of the list. */
  readonly patterns?: readonly Pattern[];
  /** Told after each commit of the store. */
  readonly afterCommit?: () => void;
}

/** A million of these tokens costs dollars, so that one costs thousands of nano-dollars. */
export const PRICE: StubPrice = { input: 1, output: 4 };

/** Both dialects of the fake vendor, as providers: `oa/<model>` and `an/<model>`. */
export const DIALECTS = ["oa", "an"] as const;

export type House = Awaited<ReturnType<typeof openHouse>>;

/**
 * A whole Baton on a home of its own: real store, engine and providers, and a fake vendor on real HTTP. When it closes,
 * every run it has seen to its end must have told the truth: nothing is held, the vendor has billed no more than was
 * charged, and its journal played again, with nothing fresh allowed, ends as it did.
 */
export async function openHouse(options: HouseOptions = {}) {
  const home = options.home ?? (await newHome());
  const prices = options.prices ?? { m: PRICE };
  const { script = [], bill_aborted = false, patterns = listed } = options;
  const vendor = options.vendor ?? (await startVendor({ script, prices, bill_aborted }));
  if (options.agents) writeAgents(home, options.agents);
  const config = readConfig({ cwd: home, env: {}, overrides: settingsOf(home, vendor, prices, options.settings) });
  const baton = await openBaton(config, {
    env: options.env ?? {},
    patterns,
    ...(options.afterCommit && { afterCommit: options.afterCommit }),
    ...(options.leaseMs !== undefined && { leaseMs: options.leaseMs }),
  });
  const { engine, store, desk } = baton;

  async function start(name: string, input: unknown, more: Partial<StartRequest> = {}): Promise<Run> {
    const pattern = patternOf(name, patterns);
    return (await engine.start({ pattern, input: pattern.input.parse(input), caller: "test", ...more })).run;
  }

  const ended = (id: string): Promise<Run> => engine.wait(id, PATIENCE_MS);

  /** Waits until a run has this status. */
  async function becomes(id: string, status: Status): Promise<Run> {
    for (const until = performance.now() + PATIENCE_MS; ; ) {
      const run = await store.get(id);
      if (run?.status === status) return run;
      if (performance.now() > until) throw new Error(`${id} is ${run?.status}, and was to be ${status}`);
      await sleep(5);
    }
  }

  async function attempts(id: string): Promise<readonly Attempt[]> {
    return (await store.memory(id)).attempts;
  }

  /** Plays a run again from its journal alone. */
  async function replay(run: Run): Promise<Ending> {
    const [catalogue, memory] = await Promise.all([store.catalogue(run.catalogue), store.memory(run.id)]);
    if (!catalogue) throw new Error(`the catalogue of ${run.id} is gone`);
    const log = openLog("silent");
    const { limits, breaker } = config;
    const provider = (id: string) => desk.provider(id);
    const stage = {
      store,
      desk,
      log,
      clock: systemClock,
      guard: new Guard({ provider, limits, breaker, longest_pause_ms: 0, clock: systemClock, log }),
      cache: undefined,
      deeds: new Deeds([], {}, 4),
      patterns: new Map(patterns.map((pattern) => [pattern.name, pattern])),
      daily: { caller: {}, day: {}, explicit: false },
      maxUsd: () => undefined,
      cacheSeconds: undefined,
      secrets: "redact" as const,
      random: Math.random,
      pour() {},
      poured: () => 0,
      over() {},
    };
    const kept = { ...memory, lines: memory.lines.filter(({ dropped }) => !dropped) };
    const play = new Play(stage, { run, catalogue, memory: kept }, patternOf(run.pattern, patterns));
    return Promise.race([play.replay(), sleep(5000, undefined, { ref: false }).then(() => lost(run))]);
  }

  async function checkTruth(): Promise<void> {
    const { runs } = await store.list({ limit: 1000 });
    for (const { id, ended_at } of runs) if (ended_at !== undefined) await checkRun(id);
    const charged = runs.reduce((sum, { usage }) => sum + usage.usd, 0);
    const { bill, open } = vendor.report();
    if (!options.vendor && open === 0 && bill > charged)
      throw new Error(`the vendor has billed ${bill}, and ${charged} was charged`);
  }

  async function checkRun(id: string): Promise<void> {
    const run = await store.get(id);
    const [node] = await store.nodes([`run:${id}`]);
    if (node && node.held.usd + node.held.calls > 0) throw new Error(`${id} has ended and holds money`);
    if (run?.status === "succeeded" || run?.status === "failed") checkSame(run, await replay(run));
  }

  return {
    home,
    vendor,
    store,
    engine,
    desk,
    start,
    ended,
    becomes,
    attempts,
    /** Starts a run, and comes back when it has ended or waits for somebody. */
    play: async (name: string, input: unknown, more: Partial<StartRequest> = {}): Promise<Run> =>
      ended((await start(name, input, more)).id),
    ask: async (agent: unknown, more: Partial<StartRequest> = {}): Promise<Run> =>
      ended((await start("run_agent", { task: "What is a baton?", agent }, more)).id),
    async cancel(id: string): Promise<Run> {
      await store.cancel(id);
      engine.nudge(id);
      return becomes(id, "cancelled");
    },
    async retry(id: string, step?: string): Promise<Run> {
      await store.again(id, "failed", step);
      engine.nudge(id);
      return ended(id);
    },
    async raise(id: string, usd: number): Promise<Run> {
      await store.raise(id, { usd: toNano(usd) }, "test");
      engine.nudge(id);
      return ended(id);
    },
    async close(): Promise<void> {
      await baton.close(0);
    },
    async [Symbol.asyncDispose]() {
      try {
        await checkTruth();
      } finally {
        await baton.close(0);
        if (!options.vendor) await vendor.close();
        if (!options.home) await rm(home, { recursive: true, force: true });
      }
    },
  };
}

export const newHome = (): Promise<string> => mkdtemp(join(tmpdir(), "baton-house-"));

/** Waits until something is so. */
export async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const until = performance.now() + PATIENCE_MS; !(await isSo()); ) {
    if (performance.now() > until) throw new Error(`it did not come: ${isSo}`);
    await sleep(5);
  }
}

function patternOf(name: string, patterns: readonly Pattern[]) {
  const pattern = [...patterns, compensate as unknown as Pattern].find((each) => each.name === name);
  if (!pattern) throw new Error(`no pattern ${name}`);
  return pattern;
}

function settingsOf(home: string, vendor: Vendor, prices: Readonly<Record<string, StubPrice>>, more: Settings = {}) {
  const priced = Object.entries(prices).flatMap(([model, { input, output, cached, cache_write }]) => {
    const own = {
      input_per_mtok: input,
      output_per_mtok: output,
      ...(cached !== undefined && { cached_per_mtok: cached }),
      ...(cache_write !== undefined && { cache_write_per_mtok: cache_write }),
    };
    return DIALECTS.map((id) => [`${id}/${model}`, own] as const);
  });
  const { providers = {}, retry, limits, ...rest } = more;
  return {
    home: join(home, ".baton"),
    model: "oa/m",
    agents: [join(home, "agents")],
    log: "silent",
    prices: Object.fromEntries(priced),
    providers: {
      oa: { type: "openai", base_url: vendor.v1, ...providers["oa"] },
      an: { type: "anthropic", base_url: vendor.origin, ...providers["an"] },
      ...Object.fromEntries(Object.entries(providers).filter(([id]) => id !== "oa" && id !== "an")),
    },
    retry: { initial_ms: 1, max_ms: 50, ...retry },
    limits: { max_output_tokens: 500, ...limits },
    ...rest,
  } satisfies Settings;
}

function writeAgents(home: string, agents: Readonly<Record<string, AgentFile>>): void {
  mkdirSync(join(home, "agents"), { recursive: true });
  for (const [name, { models, own = {}, told = `You are ${name}.` }] of Object.entries(agents)) {
    const front = [
      `name: ${name}`,
      "description: d",
      `model: ${JSON.stringify(models)}`,
      `x-baton: ${JSON.stringify(own)}`,
    ];
    writeFileSync(join(home, "agents", `${name}.md`), `---\n${front.join("\n")}\n---\n${told}\n`);
  }
}

function lost(run: Run): never {
  throw new Error(`the journal of ${run.id} does not lead to an end`);
}

function checkSame(run: Run, again: Ending): void {
  const before = JSON.stringify([run.status, run.output ?? null, run.error?.code ?? null]);
  const after = JSON.stringify([again.status, again.output ?? null, again.error?.code ?? null]);
  if (before !== after) throw new Error(`${run.id} ended otherwise when played again:\n${before}\n${after}`);
}
