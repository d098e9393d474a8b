import type { Clock } from "../core/clock.ts";
import { type Subscription, usualName } from "../core/event.ts";
import type { SubscriptionSettings } from "../core/settings.ts";
import type { WorkflowCard } from "../core/workflow.ts";

/** Workflow files are looked at again after so long: at every look of the dispatcher, not at every event. */
const FRESH_MS = 900;

export interface Sources {
  readonly settings: readonly SubscriptionSettings[];
  /** The saved workflows, as they are now. */
  readonly cards: () => readonly Pick<WorkflowCard, "name" | "on" | "refused">[];
  readonly clock: Clock;
}

/** Who wants to be started by events: those of the settings, then those of workflow files. */
export interface Subscriptions {
  /** As they were last read; costs nothing, so that it may be asked inside a transaction. */
  known(): readonly Subscription[];
  /** Read anew, if that is some time ago. */
  latest(): readonly Subscription[];
}

/** Opens the subscriptions of the settings and of workflow files. */
export function openSubscriptions({ settings, cards, clock }: Sources): Subscriptions {
  const fixed = settings.map(fromSettings);
  let known: readonly Subscription[] | undefined;
  let until = Number.NEGATIVE_INFINITY;
  const latest = () => {
    if (known && clock.mono() < until) return known;
    until = clock.mono() + FRESH_MS;
    known = [...fixed, ...cards().flatMap(fromCard)];
    return known;
  };
  return { known: () => known ?? latest(), latest };
}

const fromSettings = ({ name, on, run, inputs, attempts }: SubscriptionSettings): Subscription => ({
  name: name ?? usualName(run, on),
  on: {
    type: on.type,
    ...(on.where !== undefined && { where: on.where }),
    ...(on.correlation_id !== undefined && { correlation_id: on.correlation_id }),
  },
  run,
  ...(inputs && { inputs }),
  ...(attempts !== undefined && { attempts }),
});

/** A workflow that is refused now keeps its place: what comes meanwhile is tried until it can be begun, or given up. */
const fromCard = ({ name, on = [] }: Pick<WorkflowCard, "name" | "on">): Subscription[] =>
  on.map((filter, i) => ({ name: `${name}/on/${i + 1}`, on: filter, run: name }));
