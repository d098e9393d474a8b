import { LOCAL_CALLER } from "../core/caller.ts";
import type { Clock } from "../core/clock.ts";
import type { Engine } from "../core/engine.ts";
import { Failure } from "../core/errors.ts";
import { type BreakerNews, type EventStore, OWN_SOURCE, type Subscription } from "../core/event.ts";
import type { Log } from "../core/log.ts";
import { Courier, type CourierOptions } from "./courier.ts";
import { Dispatcher } from "./dispatcher.ts";
import { type Repertoire, startRequest } from "./start-request.ts";

export interface BusOptions extends Repertoire, Pick<CourierOptions, "webhooks" | "env"> {
  readonly store: EventStore & { others(): number };
  readonly engine: () => Pick<Engine, "start" | "nudge">;
  readonly subscriptions: () => readonly Subscription[];
  readonly clock: Clock;
  readonly log: Log;
  /** Names this process among those that share the store. */
  readonly identity: string;
}

/** The bus as the process that holds it sees it. */
export interface OpenBus {
  /** Begins to deliver, if it has not begun. */
  start(): void;
  /** Publishes what a breaker of this process has done; one that opens again before it has closed is no news. */
  breaker(news: BreakerNews): void;
  stop(): Promise<void>;
}

/** Opens the bus: runs that events have reached go on at once, and what is due is begun. */
export function openBus(options: BusOptions): OpenBus {
  const { store, engine, log } = options;
  const dispatcher = new Dispatcher({
    ...options,
    start: async (subscription, event) => (await engine().start(startRequest(subscription, event, options))).run,
  });
  const courier = new Courier(options);
  const shut = new Set<string>();
  const deafen = store.onBus(({ woke, due }) => {
    for (const run of woke) engine().nudge(run);
    if (due) dispatcher.kick();
  });
  return {
    start() {
      dispatcher.start();
      courier.start();
    },
    breaker(news) {
      if (news.state === "opened" && shut.has(news.subject)) return;
      if (news.state === "opened") shut.add(news.subject);
      else shut.delete(news.subject);
      void store.publish(breakerEvent(news, options), LOCAL_CALLER).catch((error: unknown) => {
        const { code, message } = Failure.from(error);
        log.warn({ event: "publish.failed", code }, message);
      });
    },
    async stop() {
      deafen();
      await Promise.all([dispatcher.stop(), courier.stop()]);
    },
  };
}

function breakerEvent({ state, subject, failures, last }: BreakerNews, { identity, clock }: BusOptions) {
  const now = clock.now();
  return {
    specversion: "1.0",
    source: OWN_SOURCE,
    id: `breaker/${identity}/${subject}/${state}/${now}`,
    type: `breaker.${state}`,
    time: new Date(now).toISOString(),
    subject,
    correlationid: `breaker/${subject}`,
    data: { subject, ...(failures !== undefined && { failures }), ...(last !== undefined && { last }) },
  } as const;
}
