import type { Clock } from "../core/clock.ts";
import { type Code, Failure } from "../core/errors.ts";
import type { Delivery, EventStore, Missed, StoredEvent, Subscription } from "../core/event.ts";
import type { Log } from "../core/log.ts";
import { Rounds } from "../core/rounds.ts";

export interface DispatcherOptions {
  readonly store: EventStore & { others(): number };
  /** Begins the run of a delivery, or finds it where it was begun before. */
  readonly start: (subscription: Subscription, event: StoredEvent) => Promise<{ readonly id: string }>;
  readonly subscriptions: () => readonly Subscription[];
  readonly clock: Clock;
  readonly log: Log;
  readonly tick_ms?: number;
}

const TICK_MS = 50;
const LOOK_MS = 1000;
const AT_ONCE = 16;
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 300_000;
/** What is wrong with the store and not with the delivery: it is tried again without being counted. */
const OF_THE_STORE: readonly Code[] = ["STORE_BUSY", "STORE_FULL", "STORE_READ_ONLY", "STORE_NEWER"];

/**
 * Turns what is due into runs. Several of them may look at one store: a run is begun once, whoever comes first, and
 * what became of a delivery is written only where it stands as it was read.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  #started = false;
  #stopping = false;
  readonly #looks: Rounds;
  #others = -1;
  #lookAt = 0;
  #stopTick = (): void => {};

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#looks = new Rounds(
      () => this.#look(),
      (error) => this.#complain(error),
    );
  }

  start(): void {
    if (this.#started || this.#stopping) return;
    this.#started = true;
    this.#tick();
  }

  /** Something may be due. */
  kick(): void {
    if (this.#started) this.#looks.kick();
  }

  /** What is being begun is begun; nothing more is. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#stopTick();
    await this.#looks.end();
  }

  #tick(): void {
    if (this.#stopping) return;
    const { store, clock, tick_ms = TICK_MS } = this.#options;
    const others = store.others();
    const isNews = others !== this.#others;
    this.#others = others;
    if (isNews || clock.mono() >= this.#lookAt) this.kick();
    this.#stopTick = clock.after(tick_ms, () => this.#tick());
  }

  async #look(): Promise<void> {
    const { store, clock, subscriptions } = this.#options;
    this.#lookAt = clock.mono() + LOOK_MS;
    while (!this.#stopping) {
      const known = new Map(subscriptions().map((subscription) => [subscription.name, subscription]));
      if (known.size === 0) return;
      const { due, next } = await store.due([...known.keys()], AT_ONCE);
      if (next !== undefined) this.#lookAt = Math.min(this.#lookAt, clock.mono() + Math.max(0, next - clock.now()));
      if (due.length === 0) return;
      for (const delivery of due) {
        const subscription = known.get(delivery.subscription);
        if (subscription && !this.#stopping) await this.#deliver(delivery, subscription);
      }
    }
  }

  async #deliver(delivery: Delivery, subscription: Subscription): Promise<void> {
    const { store, start, log } = this.#options;
    const { event } = delivery;
    let run: string;
    try {
      run = (await start(subscription, event)).id;
    } catch (error) {
      return this.#missed(delivery, subscription, Failure.from(error));
    }
    await store.delivered(delivery, run);
    const about = { id: event.id, source: event.source, type: event.type };
    log.info(
      { event: "delivery.started", subscription: subscription.name, run_id: run, about },
      "an event began a run",
    );
  }

  async #missed(delivery: Delivery, { name, attempts = ATTEMPTS }: Subscription, failure: Failure): Promise<void> {
    if (OF_THE_STORE.includes(failure.code)) throw failure;
    const how = nextOf(failure, delivery.tries + 1, attempts);
    await this.#options.store.missed(delivery, how);
    const { id, source, type } = delivery.event;
    const isDead = how.next === "never";
    const event = isDead ? "delivery.dead" : "delivery.failed";
    const fields = { event, subscription: name, code: failure.code, about: { id, source, type } };
    if (isDead) this.#options.log.error(fields, failure.message);
    else this.#options.log.warn(fields, failure.message);
  }

  #complain(error: unknown): void {
    const { code, message } = Failure.from(error);
    this.#options.log.error({ event: "dispatcher.failed", code }, message);
  }
}

/** A full queue is nobody's fault, and counts for nothing; anything else is tried so often, after growing pauses. */
function nextOf({ code, message, retryAfterMs = 0 }: Failure, tries: number, attempts: number): Missed {
  const error = `${code}: ${message}`;
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
  if (code === "QUEUE_FULL") return { next: "again", after_ms: Math.max(pause, retryAfterMs), counted: false, error };
  return tries >= attempts ? { next: "never", error } : { next: "again", after_ms: pause, counted: true, error };
}
