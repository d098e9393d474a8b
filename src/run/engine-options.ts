import type { Clock } from "../core/clock.ts";
import type { DeedFunction } from "../core/deed.ts";
import type { AnswerCache, Desk } from "../core/desk.ts";
import type { BreakerNews } from "../core/event.ts";
import type { BreakerPolicy, Budget, Limits, RetryPolicy } from "../core/limits.ts";
import type { Log } from "../core/log.ts";
import type { Pattern } from "../core/pattern.ts";
import type { RehearsalPlan } from "../core/provider.ts";
import type { RunStore, WorkerIdentity } from "../core/store.ts";
import type { Library } from "../core/workflow.ts";
import type { Secrets } from "./leaving.ts";
import type { OnOutage } from "./outage.ts";

/** What the room where runs are played is opened with: the other rooms as it sees them, and the settings. */
export interface EngineOptions {
  readonly store: RunStore;
  readonly desk: Desk;
  readonly patterns: readonly Pattern[];
  readonly clock: Clock;
  readonly log: Log;
  readonly cache?: AnswerCache;
  readonly cacheSeconds?: number;
  /** The saved workflows. */
  readonly library?: Library;
  /** What runs can do in the world without a model. */
  readonly deeds?: readonly DeedFunction[];
  readonly limits: Limits;
  readonly retry: RetryPolicy;
  readonly breaker: BreakerPolicy;
  /** The budgets of the settings, and which of their caps of money somebody set on purpose. */
  readonly budgets: {
    readonly run: Budget;
    readonly run_max: Budget;
    readonly caller: Budget;
    readonly day: Budget;
    readonly explicit: Readonly<Partial<Record<"run" | "run_max" | "caller" | "day", boolean>>>;
  };
  readonly maxUsd: (provider: string) => number | undefined;
  readonly rehearsal?: RehearsalPlan;
  readonly identity: WorkerIdentity;
  readonly ownerIsDead: (owner: WorkerIdentity) => boolean | undefined;
  readonly has: () => readonly string[];
  readonly lease_ms?: number;
  readonly tick_ms?: number;
  readonly random?: () => number;
  /** Told as soon as this process takes up runs, perhaps more than once. */
  readonly onAwake?: () => unknown;
  readonly onBreaker?: (news: BreakerNews) => void;
  readonly onOutage?: OnOutage;
  readonly secrets?: Secrets;
}
