import { type EventFilter, type StoredEvent, told } from "../core/event.ts";
import type { Filters } from "./filters.ts";
import { first, int, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts, keep } from "./texts.ts";
import { eventOf, filterOf } from "./words.ts";

const AT_ONCE = 100;

/** Answers an open wait with an event; no other wait of its run is answered with the same one. */
export function* settleByEvent(wait: Row, event: StoredEvent, now: number): Tx<void> {
  yield sql(
    `update waits set state = 'answered', answer = $4, decided_by = 'event', decided_at = $5, event_number = $6
     where run = $1 and generation = $2 and place = $3 and state = 'open'`,
    text(wait, "run"),
    int(wait, "generation"),
    text(wait, "place"),
    yield* keep({ how: "answered", value: told(event) }, now),
    now,
    event.number,
  );
}

/** Answers a wait that was just opened where its event has come before it: the first since the run began. */
export function* takeEarly(wait: Row, filters: Filters, now: number): Tx<void> {
  const filter = filterOf(wait);
  const run = yield* first(sql("select caller, events_before from runs where id = $1", text(wait, "run")));
  if (!filter || !run || wait["state"] !== "open") return;
  const since = typeof run["events_before"] === "number" ? run["events_before"] : 0;
  const event = yield* firstFit(filter, { run: text(wait, "run"), caller: text(run, "caller"), since }, filters);
  if (event) yield* settleByEvent(wait, event, now);
}

interface Scope {
  readonly run: string;
  readonly caller: string;
  /** The number of the last event that is too old. */
  readonly since: number;
}

function* firstFit(filter: EventFilter, scope: Scope, filters: Filters): Tx<StoredEvent | undefined> {
  for (let after = scope.since; ; ) {
    const rows = yield* untaken(filter, { ...scope, since: after });
    const texts = yield* fetchTexts(rows.map((row) => row["data"]));
    const events = rows.map((row) => eventOf(row, texts));
    const event = events.find((each) => filters.fits(filter, told(each)));
    const last = events.at(-1);
    if (event || !last || events.length < AT_ONCE) return event;
    after = last.number;
  }
}

function* untaken({ type, correlation_id }: EventFilter, { run, caller, since }: Scope): Tx<readonly Row[]> {
  const isPrefix = type.endsWith("*");
  const start = isPrefix ? type.slice(0, -1) : type;
  // Of one type the index of types tells; else what is as young as the run is looked through.
  const isOf = isPrefix ? "caller || '' = $1 and substr(type, 1, $3) = $4" : "caller = $1 and $3 >= 0 and type = $4";
  return yield sql(
    `select * from events
     where ${isOf} and number > $2
       and ($5 is null or correlation = $5)
       and not exists (select 1 from waits where run = $6 and event_number = events.number and dropped = 0)
     order by number limit ${AT_ONCE}`,
    caller,
    since,
    start.length,
    start,
    correlation_id ?? null,
    run,
  );
}
