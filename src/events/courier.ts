import { alertBody, type Notice, runbookOf, signatureOf, type WebhookSettings } from "../core/alert.ts";
import type { Clock } from "../core/clock.ts";
import { Failure } from "../core/errors.ts";
import type { EventStore, StoredEvent } from "../core/event.ts";
import type { Log } from "../core/log.ts";

export interface CourierOptions {
  readonly store: Pick<EventStore, "nextAlert" | "takeAlerts" | "takeNotices" | "settleNotice">;
  readonly webhooks: readonly WebhookSettings[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

const TICK_MS = 500;
const AT_ONCE = 8;
const PATIENCE_MS = 10_000;
/** Longer than any request may take: what a dead process had taken is taken again after it. */
const LEASE_MS = 60_000;
const TRIES = 10;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 600_000;

/**
 * Tells people of alerts: a line in the log, and webhooks. What is to be told outlives the process; of several processes
 * on one store one tells it.
 */
export class Courier {
  readonly #options: CourierOptions;
  #stopping = false;
  #stopTick = (): void => {};
  #looking: Promise<void> | undefined;
  readonly #stop = new AbortController();

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopping || this.#looking) return;
    this.#looking = this.#look().catch((error: unknown) => this.#complain(error));
    void this.#looking.then(() => {
      this.#looking = undefined;
      if (!this.#stopping) this.#stopTick = this.#options.clock.after(TICK_MS, () => this.start());
    });
  }

  /** What is on its way is cut off, and told again by whoever comes next. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#stopTick();
    this.#stop.abort();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { store, clock, webhooks } = this.#options;
    const next = await store.nextAlert();
    if (next === undefined || next > clock.now()) return;
    for (const event of await store.takeAlerts(webhooks)) this.#say(event);
    const notices = await store.takeNotices(AT_ONCE, LEASE_MS);
    await Promise.all(notices.map((notice) => this.#send(notice)));
  }

  #say({ type, subject, data, number }: StoredEvent): void {
    const fields = { event: "alert", alert: type, id: `alert/${number}`, subject, data, runbook: runbookOf(type) };
    this.#options.log.warn(fields, `alert: ${type}${subject === undefined ? "" : ` of ${subject}`}`);
  }

  async #send(notice: Notice): Promise<void> {
    const { store, log } = this.#options;
    const problem = await this.#post(notice).catch((error: unknown) => Failure.from(error).message);
    if (problem === undefined) return store.settleNotice(notice);
    if (this.#stop.signal.aborted) return store.settleNotice(notice, 0);
    const isLast = notice.tries >= TRIES;
    const fields = { event: isLast ? "alert.dead" : "alert.failed", id: notice.id, tries: notice.tries };
    log[isLast ? "error" : "warn"](fields, problem);
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (notice.tries - 1));
    await store.settleNotice(notice, isLast ? undefined : pause);
  }

  /** What is wrong, or nothing where the webhook has taken it. */
  async #post({ event, url }: Notice): Promise<string | undefined> {
    const { webhooks, env, clock } = this.#options;
    const body = JSON.stringify(alertBody(event));
    const known = webhooks.find((webhook) => webhook.url === url);
    if (!known) return "no webhook of this URL is in the settings any more";
    const secret = known.secret_env === undefined ? undefined : env[known.secret_env];
    if (known.secret_env !== undefined && !secret) return `the variable ${known.secret_env} is not set`;
    const late = new AbortController();
    const stopTimer = clock.after(PATIENCE_MS, () => late.abort());
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "x-baton-alert": `alert/${event.number}`,
          ...(secret && { "x-baton-signature": signatureOf(secret, Math.floor(clock.now() / 1000), body) }),
        },
        body,
        redirect: "manual",
        signal: AbortSignal.any([late.signal, this.#stop.signal]),
      });
      await response.body?.cancel();
      return response.ok ? undefined : `the webhook answered ${response.status}`;
    } finally {
      stopTimer();
    }
  }

  #complain(error: unknown): void {
    const { code, message } = Failure.from(error);
    this.#options.log.error({ event: "courier.failed", code }, message);
  }
}
