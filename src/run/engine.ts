import { randomBytes } from "node:crypto";
import type { Caps } from "../core/budget.ts";
import type { Clock } from "../core/clock.ts";
import type { AnswerCache, Desk } from "../core/desk.ts";
import type { Engine, StartRequest } from "../core/engine.ts";
import { Failure } from "../core/errors.ts";
import type { BreakerPolicy, Budget, Limits, RetryPolicy } from "../core/limits.ts";
import type { Log } from "../core/log.ts";
import type { Pattern } from "../core/pattern.ts";
import { type RehearsalPlan, splitModel } from "../core/provider.ts";
import { hasEnded } from "../core/status.ts";
import type { NewRun, Run, RunCaps, RunStore, WorkerIdentity } from "../core/store.ts";
import { capsOf } from "./caps.ts";
import { Guard } from "./guard.ts";
import type { Stage } from "./stage.ts";
import { Worker } from "./worker.ts";

export interface EngineOptions {
  readonly store: RunStore;
  readonly desk: Desk;
  readonly patterns: readonly Pattern[];
  readonly clock: Clock;
  readonly log: Log;
  readonly cache?: AnswerCache;
  readonly cacheSeconds?: number;
  readonly limits: Limits;
  readonly retry: RetryPolicy;
  readonly breaker: BreakerPolicy;
  /** The budgets of the settings, and which of their caps of money somebody set on purpose. */
  readonly budgets: {
    readonly run: Budget;
    readonly run_max: Budget;
    readonly caller: Budget;
    readonly day: Budget;
    readonly explicit: { readonly run: boolean; readonly day: boolean };
  };
  readonly maxUsd: (provider: string) => number | undefined;
  readonly rehearsal?: RehearsalPlan;
  readonly identity: WorkerIdentity;
  readonly ownerIsDead: (owner: WorkerIdentity) => boolean | undefined;
  readonly has: () => readonly string[];
  readonly lease_ms?: number;
  readonly tick_ms?: number;
  readonly random?: () => number;
}

const LEASE_MS = 10_000;
const TICK_MS = 50;
const PROGRESS_MS = 1000;

/** Opens the room where runs are played. It takes up nothing before `awaken` or a start of its own. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { store, desk, clock, log, limits, retry, breaker, budgets, identity } = options;
  const patterns = new Map(options.patterns.map((pattern) => [pattern.name, pattern]));
  const watchers = new Map<string, Set<() => void>>();
  const ring = (run: string) => {
    for (const wake of watchers.get(run) ?? []) wake();
  };
  const guard = new Guard({
    provider: (id) => desk.provider(id),
    limits,
    breaker,
    longest_pause_ms: retry.max_ms,
    clock,
    log,
  });
  const stage: Stage = {
    store,
    desk,
    guard,
    clock,
    log,
    patterns,
    cache: options.cache,
    cacheSeconds: options.cacheSeconds,
    daily: { caller: daily(budgets.caller), day: daily(budgets.day), explicit: budgets.explicit.day },
    maxUsd: options.maxUsd,
    random: options.random ?? Math.random,
    pour: () => worker.pour(),
    over: (run) => {
      worker.over(run);
      ring(run);
    },
  };
  const worker: Worker = new Worker(stage, {
    identity,
    slots: limits.runs,
    lease_ms: options.lease_ms ?? LEASE_MS,
    tick_ms: options.tick_ms ?? TICK_MS,
    ownerIsDead: options.ownerIsDead,
    has: options.has,
    onNews: () => {
      for (const run of watchers.keys()) ring(run);
    },
  });
  await store.enlist(identity);

  return {
    async start(request) {
      const created = await store.create(newRun(request, options), { queued: limits.queued });
      worker.start();
      worker.kick();
      return created;
    },

    async wait(id, ms, { signal, onProgress } = {}) {
      const until = clock.mono() + ms;
      for (;;) {
        const run = await store.get(id);
        if (!run) throw new Failure("NOT_FOUND", `there is no run ${id}`);
        const left = until - clock.mono();
        if (left <= 0 || signal?.aborted || (await isSettled(store, run))) return run;
        const rang = await nextRing(watchers, id, Math.min(left, onProgress ? PROGRESS_MS : left), clock, signal);
        if (!rang) onProgress?.((await store.get(id)) ?? run);
      }
    },

    awaken: () => worker.start(),

    nudge(id) {
      void worker.play(id)?.poll();
      worker.kick();
      ring(id);
    },

    queuedBecause(run) {
      if (run.status !== "queued") return undefined;
      const has = new Set(options.has());
      const missing = run.needs.filter((need) => !has.has(need));
      if (missing.length > 0) return `it needs ${missing.join(", ")}, which this server does not have`;
      if (!patterns.has(run.pattern)) return `no server here knows the pattern ${run.pattern}`;
      if (worker.playing >= limits.runs)
        return `${worker.playing} runs are being played, the most at once (limits.runs)`;
      return undefined;
    },

    health: () => guard.health(),

    async stop(graceMs) {
      await worker.stop(graceMs);
      await store.dismiss(identity.id);
    },
  };
}

/** Has it ended, or does it wait for somebody who may be the one who asks? */
async function isSettled(store: RunStore, run: Run): Promise<boolean> {
  if (hasEnded(run.status)) return true;
  if (run.status !== "waiting") return false;
  const { waiting } = await store.progress(run.id);
  return waiting.some(({ kind }) => kind !== "timer" && kind !== "event");
}

/** True once the run may have changed, false after so many milliseconds. */
function nextRing(
  watchers: Map<string, Set<() => void>>,
  id: string,
  ms: number,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  return new Promise((resolve) => {
    const here = watchers.get(id) ?? new Set();
    watchers.set(id, here);
    const end = (rang: boolean) => {
      stop();
      here.delete(ring);
      if (here.size === 0 && watchers.get(id) === here) watchers.delete(id);
      signal?.removeEventListener("abort", ring);
      resolve(rang);
    };
    const ring = () => end(true);
    const stop = clock.after(ms, () => end(false));
    here.add(ring);
    signal?.addEventListener("abort", ring, { once: true });
  });
}

const daily = (budget: Budget): Caps => capsOf(budget);

/** Checks a request and pins what it begins with; throws where it cannot be begun. */
function newRun(request: StartRequest, options: EngineOptions): NewRun {
  const { pattern, input, caller } = request;
  pattern.check?.(input, options.limits);
  const refs = pattern.agents(input);
  const catalogue = options.desk.pin(refs);
  const models = refs.flatMap((ref) => options.desk.find(catalogue, ref).models[0] ?? []);
  const needs = [...new Set(models.map((model) => `provider:${splitModel(model).provider}`))].sort();
  const rehearsal = request.rehearsal ?? options.rehearsal;
  return {
    id: `r_${base32(randomBytes(16))}`,
    pattern: pattern.name,
    pattern_version: pattern.version,
    input,
    caller,
    caps: capsOfRun(request.budget, options),
    on_budget: request.on_budget ?? "fail",
    priority: request.priority ?? 0,
    labels: request.labels ?? [],
    catalogue,
    seed: randomBytes(8).toString("hex"),
    needs,
    preferred: options.identity.id,
    ...(rehearsal && { rehearsal }),
    ...(request.idempotency && { idempotency: request.idempotency }),
  };
}

/** The caller's budget over the defaults; above the ceiling only a person may go. */
function capsOfRun(budget: Budget = {}, { budgets }: EngineOptions): RunCaps {
  const units = ["usd", "tokens", "calls", "seconds"] as const;
  for (const unit of units) {
    const asked = budget[unit];
    const most = budgets.run_max[unit];
    if (asked === undefined || most === undefined || asked <= most) continue;
    throw new Failure("FORBIDDEN", `budget.${unit} ${asked} is above the ceiling of ${most} for a run`, {
      hint: `Ask for at most ${most}; a person may raise it later (decide raise_budget) or set budgets.run_max.`,
    });
  }
  const whole: Budget = { ...budgets.run, ...budget };
  const explicit = budget.usd !== undefined || budgets.explicit.run;
  return { ...capsOf(whole), ...(whole.seconds !== undefined && { seconds: whole.seconds }), explicit };
}

function base32(bytes: Uint8Array): string {
  const letters = "abcdefghijklmnopqrstuvwxyz234567";
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = "";
  for (let i = Math.ceil((bytes.length * 8) / 5) - 1; i >= 0; i--)
    text += letters[Number((bits >> BigInt(i * 5)) & 31n)];
  return text;
}
