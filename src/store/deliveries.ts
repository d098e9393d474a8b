import type { Delivery, DeliveryFilter, Missed, StoredEvent } from "../core/event.ts";
import { hasEnded, type Status } from "../core/status.ts";
import { announceDeadLetter } from "./announcements.ts";
import { type Cell, first, int, maybeInt, maybeText, present, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts, type Texts } from "./texts.ts";
import { eventOf } from "./words.ts";

/** Deliveries, those of the latest event first. */
export function* deliveries({ caller, state, subscription, limit }: DeliveryFilter): Tx<readonly Delivery[]> {
  const args: Cell[] = [];
  const is = (column: string, cell: string | undefined) =>
    cell === undefined ? [] : [`${column} = $${args.push(cell)}`];
  const tests = [...is("caller", caller), ...is("state", state), ...is("subscription", subscription)];
  const where = tests.length === 0 ? "" : `where ${tests.join(" and ")}`;
  return yield* withEvents(
    yield sql(
      `select * from deliveries ${where} order by event desc, subscription limit $${args.length + 1}`,
      ...args,
      limit,
    ),
  );
}

/** What is due: of a subscription's events with one correlation only the first that has not been dealt with. */
export function* due(subscriptions: readonly string[], limit: number, now: number): Tx<readonly Delivery[]> {
  return yield* withEvents(
    yield sql(
      `select * from deliveries as d
       where state = 'due' and due_at <= $1 and subscription in (select value from json_each($2))
         and (lane is null or not exists (select 1 from deliveries as before
           where before.subscription = d.subscription and before.caller = d.caller and before.lane = d.lane
             and before.event < d.event and before.state in ('due', 'started') and before.lane is not null))
       order by event, subscription limit $3`,
      now,
      JSON.stringify(subscriptions),
      limit,
    ),
  );
}

/** When the next delivery that waits out a pause is due. */
export function* nextDue(now: number): Tx<number | undefined> {
  const row = yield* first(sql("select min(due_at) as next from deliveries where state = 'due' and due_at > $1", now));
  return row && maybeInt(row, "next");
}

function* withEvents(rows: readonly Row[]): Tx<readonly Delivery[]> {
  const numbers = [...new Set(rows.map((row) => int(row, "event")))];
  const found = yield sql(
    "select * from events where number in (select value from json_each($1))",
    JSON.stringify(numbers),
  );
  const texts: Texts = yield* fetchTexts(found.map((row) => row["data"]));
  const events = new Map(found.map((row) => [int(row, "number"), eventOf(row, texts)]));
  return rows.flatMap((row) => {
    const event = events.get(int(row, "event"));
    return event ? [deliveryOf(row, event)] : [];
  });
}

const deliveryOf = (row: Row, event: StoredEvent): Delivery => ({
  subscription: text(row, "subscription"),
  event,
  state: text(row, "state") as Delivery["state"],
  tries: int(row, "tries"),
  due_at: int(row, "due_at"),
  ...present({ run: maybeText(row, "run"), error: maybeText(row, "error") }),
});

/** Says which run a delivery has become; a run that has ended by now has done it. */
export function* delivered({ subscription, event }: Delivery, run: string): Tx<void> {
  const row = yield* first(sql("select status from runs where id = $1", run));
  yield sql(
    `update deliveries set state = $3, run = $4, tries = tries + 1, error = null
     where subscription = $1 and event = $2 and state = 'due'`,
    subscription,
    event.number,
    row && hasEnded(text(row, "status") as Status) ? "done" : "started",
    run,
  );
}

/** Counts a try in vain, once, whoever else has tried the same; the last one ends it. */
export function* missed({ subscription, event, tries }: Delivery, how: Missed, now: number): Tx<void> {
  const isDead = how.next === "never";
  const rows = yield sql(
    `update deliveries set state = $4, tries = tries + $5, due_at = $6, error = $7
     where subscription = $1 and event = $2 and tries = $3 and state = 'due' returning *`,
    subscription,
    event.number,
    tries,
    isDead ? "dead" : "due",
    isDead || how.counted ? 1 : 0,
    isDead ? now : Math.ceil(now + how.after_ms),
    how.error,
  );
  if (!isDead) return;
  const source = yield* first(sql("select * from events where number = $1", event.number));
  for (const row of source ? rows : []) if (source) yield* announceDeadLetter(row, source, how.error, now);
}

/** Makes what was given up of an event due again; tells how much that is. */
export function* revive(event: number, now: number): Tx<number> {
  const rows = yield sql(
    `update deliveries set state = 'due', tries = 0, due_at = $2, error = null
     where event = $1 and state = 'dead' returning subscription`,
    event,
    now,
  );
  return rows.length;
}
