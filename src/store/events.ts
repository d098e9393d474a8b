import { Failure } from "../core/errors.ts";
import {
  type BatonEvent,
  type BusNews,
  type Published,
  type StoredEvent,
  type Subscription,
  told,
} from "../core/event.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Log } from "../core/log.ts";
import { insertEvent } from "./announcements.ts";
import { revive } from "./deliveries.ts";
import { settleByEvent } from "./event-waits.ts";
import type { Filters } from "./filters.ts";
import { first, int, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts, keep } from "./texts.ts";
import { requeue } from "./waits.ts";
import { eventOf, filterOf } from "./words.ts";

/** Runs that were begun by events of runs that were begun by events: so many, and no further. */
const LONGEST_CHAIN = 10;

/** Whom events may concern, as the process knows it that publishes them. */
export interface Bus {
  readonly subscriptions: () => readonly Subscription[];
  readonly filters: Filters;
  readonly log: Log;
}

export const NO_NEWS: BusNews = { woke: [], due: false };

/** What came of publishing, for who published and for this process. */
interface Told {
  readonly published: Published;
  readonly news: BusNews;
}

function* whole(row: Row): Tx<StoredEvent> {
  return eventOf(row, yield* fetchTexts([row["data"]]));
}

/** Writes an event once, and tells it to all whom it concerns. */
export function* publish(event: BatonEvent, caller: string, bus: Bus, now: number): Tx<Told> {
  const print = fingerprint([event.type, event.subject, event.correlationid, event.data ?? null]);
  const before = yield* publishedBefore(event, caller, print);
  if (before) {
    const due = (yield* revive(int(before, "number"), now)) > 0;
    const known = { event: yield* whole(before), deliveries: yield* countOf(before) };
    return { published: { ...known, existed: true, woke: [] }, news: { woke: [], due } };
  }
  const row = yield* insertEvent(
    {
      ...event,
      caller,
      subject: event.subject,
      correlation: event.correlationid,
      data: yield* keep(event.data ?? null, now),
      print,
      chain: [],
    },
    now,
  );
  if (!row) throw new Error(`event ${event.id} was neither written nor found`);
  const news = yield* match(int(row, "number") - 1, bus, now);
  const fresh = { event: yield* whole(row), deliveries: yield* countOf(row) };
  return { published: { ...fresh, existed: false, woke: news.woke }, news };
}

function* publishedBefore({ source, id }: BatonEvent, caller: string, print: string): Tx<Row | undefined> {
  const row = yield* first(
    sql("select * from events where caller = $1 and source = $2 and id = $3", caller, source, id),
  );
  if (!row || row["print"] === print || row["print"] === "") return row;
  throw new Failure("KEY_REUSED", `event ${JSON.stringify(id)} of ${JSON.stringify(source)} says something else`, {
    hint: "An id and its source name one event for ever; nothing was published. Give the new event another id.",
  });
}

function* countOf(event: Row): Tx<number> {
  const row = yield* first(sql("select count(*) as deliveries from deliveries where event = $1", int(event, "number")));
  return row ? int(row, "deliveries") : 0;
}

/** Tells what this transaction has written since a number, in its order: to subscriptions, and to those who wait. */
export function* match(since: number, bus: Bus, now: number): Tx<BusNews> {
  const rows = yield sql("select * from events where number > $1 order by number", since);
  if (rows.length === 0) return NO_NEWS;
  const woke: string[] = [];
  let due = false;
  for (const row of rows) {
    const event = yield* whole(row);
    const chain = JSON.parse(text(row, "chain")) as string[];
    const sent = yield* address(event, chain, bus, now);
    woke.push(...(yield* answer(event, bus, now)));
    // The end of a run that an event began lets the next one of its correlation begin.
    due ||= sent > 0 || chain.length > 0;
  }
  return { woke, due };
}

/** Writes down to whom an event goes; never to what has led to it, nor beyond so many links. */
function* address(event: StoredEvent, chain: readonly string[], bus: Bus, now: number): Tx<number> {
  const wanting = bus.subscriptions().filter(({ on }) => bus.filters.fits(on, told(event)));
  const fresh = wanting.filter(({ name }) => !chain.includes(name));
  if (fresh.length > 0 && chain.length >= LONGEST_CHAIN) {
    const fields = { event: "chain.refused", about: event.type, run_id: event.subject, chain };
    bus.log.warn(fields, `runs have begun each other ${chain.length} times by events; no further`);
    return 0;
  }
  for (const { name } of fresh) {
    yield sql(
      `insert into deliveries (subscription, event, caller, lane, state, due_at) values ($1, $2, $3, $4, 'due', $5)
       on conflict (subscription, event) do nothing`,
      name,
      event.number,
      event.caller,
      event.correlationid ?? null,
      now,
    );
  }
  return fresh.length;
}

/** Answers the waits that an event reaches: of each run the one that was opened first. */
function* answer(event: StoredEvent, bus: Bus, now: number): Tx<readonly string[]> {
  const waits = yield sql(
    `select waits.run, waits.generation, waits.place, waits.event_type, waits.event_where, waits.event_correlation
     from waits join runs on runs.id = waits.run
     where waits.kind = 'event' and waits.state = 'open' and waits.event_type is not null and waits.dropped = 0
       and runs.caller = $1 and (waits.expires_at is null or waits.expires_at > $2)
       and not exists (select 1 from waits as taken
         where taken.run = waits.run and taken.event_number = $3 and taken.dropped = 0)
     order by waits.opened_at, waits.place`,
    event.caller,
    now,
    event.number,
  );
  const woke = new Set<string>();
  for (const row of waits) {
    const filter = filterOf(row);
    if (woke.has(text(row, "run")) || !filter || !bus.filters.fits(filter, told(event))) continue;
    yield* settleByEvent(row, event, now);
    yield* requeue(text(row, "run"));
    woke.add(text(row, "run"));
  }
  return [...woke];
}
