import type { Notice } from "../core/alert.ts";
import type { Catalogue } from "../core/catalogue.ts";
import type { Failure } from "../core/errors.ts";
import type * as events from "../core/event.ts";
import { type Log, SILENT } from "../core/log.ts";
import { MemorySettings } from "../core/memory.ts";
import type * as core from "../core/store.ts";
import type { Undoable } from "../core/undoing.ts";
import type { Usage } from "../core/usage.ts";
import { lastNumber } from "./announcements.ts";
import { correct } from "./attempts.ts";
import { Books } from "./books.ts";
import * as claims from "./claims.ts";
import { compensate, undoings } from "./compensating.ts";
import * as dead from "./dead.ts";
import * as deliveries from "./deliveries.ts";
import type { Driver, Job } from "./driver.ts";
import { type Bus, match, NO_NEWS, publish } from "./events.ts";
import { Filters } from "./filters.ts";
import * as lanes from "./lanes.ts";
import * as lists from "./lists.ts";
import * as memories from "./memory.ts";
import * as outbox from "./outbox.ts";
import * as pauses from "./pauses.ts";
import * as players from "./players.ts";
import { baselines, catalogueText, nodes } from "./reads.ts";
import * as recaps from "./recap.ts";
import { sweep } from "./remembered.ts";
import * as runs from "./runs.ts";
import { SqlMemory } from "./sql-memory.ts";
import { SqlVersions } from "./sql-versions.ts";
import type { Tx } from "./statement.ts";
import * as switches from "./switches.ts";
import { undoableOf } from "./undone.ts";
import * as waits from "./waits.ts";
import { mayAnnounce, mayCost, mayShare, type Wrote, write } from "./writes.ts";

const KEPT_CATALOGUES = 32;

export interface SqlStoreOptions {
  /** The most that one gap between two writes of a player counts as playing. */
  readonly leaseMs?: number;
  /** Who wants to be started by events, as this process knows it now. */
  readonly subscriptions?: () => readonly events.Subscription[];
  readonly log?: Log;
  readonly memory?: MemorySettings;
}

/** The run store over any database that plays its transactions. */
export class SqlStore implements core.RunStore {
  readonly remembered: SqlMemory;
  readonly versions: SqlVersions;
  readonly #db: Driver;
  readonly #playing: { readonly leaseMs: number; readonly filters: Filters };
  readonly #bus: Bus;
  readonly #listeners = new Set<(news: events.BusNews) => void>();
  readonly #catalogues = new Map<string, Catalogue>();
  /** Runs that are about to be written. */
  #coming = 0;

  constructor(driver: Driver, options: SqlStoreOptions = {}) {
    const { leaseMs = 10_000, subscriptions = () => [], log = SILENT, memory = MemorySettings.parse({}) } = options;
    const filters = new Filters(log);
    this.#db = driver;
    this.remembered = new SqlMemory(driver, memory);
    this.versions = new SqlVersions(driver);
    this.#playing = { leaseMs, filters };
    this.#bus = { subscriptions, filters, log };
  }

  /** Why nothing can be written now: nothing is lost, but no paid call may start. */
  get ailing(): Failure | undefined {
    return this.#db.ailing;
  }

  create(run: core.NewRun, limits: { readonly queued: number }): Promise<runs.Created> {
    this.#coming++;
    const created = this.#db.write<runs.Created>({
      tx: ({ now }) => runs.create(run, limits, now),
      fresh: true,
      touched: ({ run, existed }) => (existed ? [] : [run.id]),
    });
    return created.finally(() => this.#coming--);
  }

  get(id: string): Promise<core.Run | undefined> {
    return this.#db.read(() => runs.get(id));
  }

  list(filter: core.RunFilter): Promise<core.RunPage> {
    return this.#db.read(() => lists.list(filter));
  }

  stats(filter: Omit<core.RunFilter, "limit" | "cursor">): Promise<core.RunStats> {
    return this.#db.read(() => lists.stats(filter));
  }

  progress(id: string): Promise<core.Progress> {
    return this.#db.read(() => memories.progress(id));
  }

  memory(id: string): Promise<core.Memory> {
    return this.#db.read(() => memories.memory(id, false));
  }

  catalogue(hash: string): Promise<Catalogue | undefined> {
    return this.#db.read(() => this.#findCatalogue(hash));
  }

  enlist(worker: core.WorkerIdentity): Promise<void> {
    return this.#db.write({ tx: ({ now }) => this.#enlisted(worker, now), fresh: true });
  }

  dismiss(worker: string): Promise<void> {
    return this.#db.write({ tx: () => claims.dismiss(worker) });
  }

  leave(worker: string): Promise<void> {
    return this.#db.write({ tx: ({ now }) => players.leave(worker, now) });
  }

  players(): Promise<readonly core.Player[]> {
    return this.#db.read(players.players);
  }

  ready(has: readonly string[], play: readonly core.PatternKey[], by: number, but: readonly string[]): Promise<number> {
    return this.#db.read(() => players.ready({ has, play }, by, but));
  }

  async claim(
    worker: string,
    has: readonly string[],
    play: readonly core.PatternKey[],
  ): Promise<core.Claimed | undefined> {
    const coming = this.#coming > 0;
    if (!coming && !(await this.#db.read(claims.anyQueued))) return undefined;
    const found = await this.#announcing<core.Claimed | claims.Buried | undefined>(
      {
        fresh: coming,
        tx: (at) => claims.claim(worker, { has, play }, at, (hash) => this.#pinned(hash)),
        touched: (told) => (told && "run" in told ? [told.run.id] : []),
      },
      (told) => (told && "since" in told ? told.since : undefined),
    );
    return found && "run" in found ? found : undefined;
  }

  leases(): Promise<readonly core.Lease[]> {
    return this.#db.read(claims.leases);
  }

  reap(lease: Pick<core.Lease, "run" | "epoch" | "beat">): Promise<boolean> {
    return this.#announcing({
      tx: ({ now }) => claims.reap(lease, now),
      touched: (reaped) => (reaped ? [lease.run] : []),
    });
  }

  async wake(): Promise<{ readonly woken: number; readonly next?: number }> {
    const due = await this.#db.read(claims.dueNow);
    const woken = due ? await this.#db.write({ tx: ({ now }) => claims.wake(now), touched: (ids) => ids }) : [];
    if (await this.#db.read(({ now }) => waits.mustRemind(now)))
      await this.#announcing({ tx: ({ now }) => waits.remind(now), touched: (runs) => runs });
    const next = await this.#db.read(claims.nextWake);
    return { woken: woken.length, ...(next !== undefined && { next }) };
  }

  async write(fence: core.Fence, writes: readonly core.Write[]): Promise<readonly core.Written[] | undefined> {
    const job: Job<Wrote> = {
      tx: (at) => write(fence, writes, at, this.#playing),
      shares: mayShare(writes),
      touched: () => [fence.run],
    };
    if (mayAnnounce(writes)) return (await this.#announcing(job)).written;
    if (mayCost(writes)) return (await this.#announcing(job, ({ since }) => since)).written;
    return (await this.#db.write(job)).written;
  }

  correct(run: string, attempt: number, usage: Usage): Promise<void> {
    return this.#db.write({ tx: () => correctBill(run, attempt, usage), touched: () => [run] });
  }

  news(run: string): Promise<core.News> {
    return this.#db.read(() => memories.news(run));
  }

  cancel(id: string, by?: string): Promise<core.Run> {
    return this.#announcing({ tx: ({ now }) => runs.cancel(id, by, now), fresh: true, touched: () => [id] });
  }

  pause(id: string, by?: string): Promise<core.Run> {
    return this.#db.write({ tx: ({ now }) => pauses.pause(id, by, now), fresh: true, touched: () => [id] });
  }

  resume(id: string, by?: string): Promise<core.Run> {
    return this.#db.write({ tx: ({ now }) => pauses.resume(id, by, now), fresh: true, touched: () => [id] });
  }

  again(id: string, from: "failed" | "dead", step?: string): Promise<core.Run> {
    return this.#db.write({ tx: ({ now }) => runs.again(id, from, step, now), fresh: true, touched: () => [id] });
  }

  undoable(id: string): Promise<Undoable> {
    return this.#db.read(() => undoableOf(id));
  }

  compensate(id: string, how: { readonly ask: boolean }): ReturnType<core.RunStore["compensate"]> {
    return this.#db.write({
      tx: ({ now }) => compensate(id, how, now),
      fresh: true,
      touched: ({ run }) => [id, run.id],
    });
  }

  undoings(id: string): Promise<readonly core.Run[]> {
    return this.#db.read(() => undoings(id));
  }

  drop(id: string): Promise<core.Run> {
    return this.#db.write({ tx: ({ now }) => dead.drop(id, now), fresh: true, touched: () => [id] });
  }

  decide(id: string, place: string, decision: core.Decision, by: string): Promise<core.Wait> {
    return this.#db.write({
      tx: ({ now }) => waits.decide(id, place, decision, by, now),
      fresh: true,
      touched: () => [id],
    });
  }

  raise(id: string, caps: Partial<core.RunCaps>, by: string): Promise<core.Run> {
    return this.#db.write({ tx: ({ now }) => runs.raise(id, caps, by, now), fresh: true, touched: () => [id] });
  }

  async recap(daily: recaps.Daily): Promise<number> {
    const outgrown = await this.#db.read(() => recaps.outgrown(daily));
    if (outgrown.length === 0) return 0;
    const woken = await this.#db.write({ tx: ({ now }) => recaps.recap(daily, now), touched: (runs) => runs });
    return woken.length;
  }

  traffic(worker: string): Promise<core.Traffic> {
    return this.#db.read(({ now }) => lanes.traffic(worker, now));
  }

  want(worker: string, providers: readonly string[], until: number): Promise<void> {
    return this.#db.write({ tx: () => lanes.want(worker, providers, until) });
  }

  shut(door: core.Door, worker: string): Promise<void> {
    return this.#db.write({ tx: ({ now }) => lanes.shut(door, worker, now) });
  }

  reopen(subject: string): Promise<void> {
    return this.#db.write({ tx: () => lanes.reopen(subject) });
  }

  switches(): Promise<readonly core.Switch[]> {
    return this.#db.read(switches.switches);
  }

  switchOff(subject: string, by: string): Promise<boolean> {
    return this.#db.write({ tx: ({ now }) => switches.switchOff(subject, by, now), fresh: true });
  }

  switchOn(subject: string): Promise<boolean> {
    return this.#db.write({ tx: ({ now }) => switches.switchOn(subject, now), fresh: true });
  }

  nodes(ids: readonly string[]): ReturnType<core.RunStore["nodes"]> {
    return this.#db.read(() => nodes(ids));
  }

  baselines(subject: string): Promise<readonly core.Baseline[]> {
    return this.#db.read(() => baselines(subject));
  }

  async publish(event: events.BatonEvent, caller: string): Promise<events.Published> {
    const { published, news } = await this.#db.write({
      tx: ({ now }) => publish(event, caller, this.#bus, now),
      fresh: true,
      touched: ({ news }) => news.woke,
    });
    this.#tell(news);
    return published;
  }

  deliveries(filter: events.DeliveryFilter): Promise<readonly events.Delivery[]> {
    return this.#db.read(() => deliveries.deliveries(filter));
  }

  async due(subscriptions: readonly string[], limit: number): ReturnType<core.RunStore["due"]> {
    const due = await this.#db.read(({ now }) => deliveries.due(subscriptions, limit, now));
    const next = await this.#db.read(({ now }) => deliveries.nextDue(now));
    return { due, ...(next !== undefined && { next }) };
  }

  delivered(delivery: events.Delivery, run: string): Promise<void> {
    return this.#db.write({ tx: () => deliveries.delivered(delivery, run) });
  }

  missed(delivery: events.Delivery, how: events.Missed): Promise<void> {
    return this.#announcing({ tx: ({ now }) => deliveries.missed(delivery, how, now) });
  }

  settleDead(delivery: Pick<events.Delivery, "subscription" | "event">, how: "again" | "drop"): Promise<boolean> {
    return this.#db.write({ tx: ({ now }) => dead.settleDead(delivery, how, now), fresh: true });
  }

  nextAlert(): Promise<number | undefined> {
    return this.#db.read(() => outbox.nextOut());
  }

  takeAlerts(to: readonly outbox.Addressee[]): Promise<readonly events.StoredEvent[]> {
    return this.#db.write({ tx: ({ now }) => outbox.takeAlerts(to, now), fresh: true });
  }

  takeNotices(limit: number, leaseMs: number): Promise<readonly Notice[]> {
    return this.#db.write({ tx: ({ now }) => outbox.takeNotices(limit, leaseMs, now), fresh: true });
  }

  settleNotice(notice: Notice, againMs?: number): Promise<void> {
    return this.#db.write({ tx: ({ now }) => outbox.settleNotice(notice, againMs, now), fresh: true });
  }

  onBus(listener: (news: events.BusNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  others(): number {
    return this.#db.others();
  }

  onChange(listener: (runs: readonly string[]) => void): () => void {
    return this.#db.onChange(listener);
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  /**
   * Plays a job of which something may be told as an event, and matches that in the same transaction. Where only its
   * result shows whether there is something, `since` tells the number of the event before.
   */
  async #announcing<T>(job: Job<T>, since?: (result: T) => number | undefined): Promise<T> {
    const bus = this.#bus;
    let news = NO_NEWS;
    const result = await this.#db.write<T>({
      ...job,
      *tx(at) {
        const before = since ? undefined : yield* lastNumber();
        const told = yield* job.tx(at);
        const from = before ?? since?.(told);
        news = from === undefined ? NO_NEWS : yield* match(from, bus, at.now);
        return told;
      },
      touched: (told) => [...(job.touched?.(told) ?? []), ...news.woke],
    });
    this.#tell(news);
    return result;
  }

  #tell(news: events.BusNews): void {
    if (news.due || news.woke.length > 0) for (const listener of this.#listeners) listener(news);
  }

  /** Whoever begins sweeps: no timer does. */
  *#enlisted(worker: core.WorkerIdentity, now: number): Tx<void> {
    yield* claims.enlist(worker, now);
    yield* sweep(this.#db.words, now);
  }

  *#pinned(hash: string): Tx<Catalogue> {
    const catalogue = yield* this.#findCatalogue(hash);
    if (!catalogue) throw new Error(`the catalogue ${hash} is gone from the store`);
    return catalogue;
  }

  *#findCatalogue(hash: string): Tx<Catalogue | undefined> {
    const known = this.#catalogues.get(hash);
    if (known) return known;
    const body = yield* catalogueText(hash);
    if (body === undefined) return undefined;
    const catalogue = JSON.parse(body) as Catalogue;
    if (this.#catalogues.size >= KEPT_CATALOGUES) this.#catalogues.delete(this.#catalogues.keys().next().value ?? "");
    this.#catalogues.set(hash, catalogue);
    return catalogue;
  }
}

function* correctBill(run: string, attempt: number, usage: Usage): Tx<void> {
  const books = new Books(run);
  yield* correct(run, attempt, usage, books);
  yield* books.post();
}
