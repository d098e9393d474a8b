import { isAlert, type Notice } from "../core/alert.ts";
import { OWN_SOURCE, type StoredEvent } from "../core/event.ts";
import { first, int, maybeInt, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts } from "./texts.ts";
import { eventOf } from "./words.ts";

/** Somebody who is told of alerts, and of which. */
export interface Addressee {
  readonly url: string;
  readonly on?: readonly string[] | undefined;
}

/** Puts an event into the outbox if it is an alert; written with the event, or neither is. */
export function* putOut(event: Row, now: number): Tx<void> {
  if (event["source"] !== OWN_SOURCE || !isAlert(text(event, "type"), failedBy(event))) return;
  const number = int(event, "number");
  yield sql(
    "insert into outbox (id, kind, body, made_at, due_at) values ($1, 'alert', $2, $3, $3) on conflict do nothing",
    `alert/${number}`,
    String(number),
    now,
  );
}

/** The kind of the failure that has ended a run. */
function failedBy(event: Row): string | undefined {
  if (event["type"] !== "run.failed") return undefined;
  return (JSON.parse(text(event, "data")) as { readonly error?: { readonly kind: string } }).error?.kind;
}

/** When something in the outbox is due next. */
export function* nextOut(): Tx<number | undefined> {
  const row = yield* first(sql("select min(due_at) as next from outbox where sent_at is null"));
  return row && maybeInt(row, "next");
}

/** Takes the alerts that nobody has taken, and addresses each to whom it concerns; whoever comes first has them. */
export function* takeAlerts(to: readonly Addressee[], now: number): Tx<readonly StoredEvent[]> {
  const rows = yield sql("update outbox set sent_at = $1 where kind = 'alert' and sent_at is null returning body", now);
  const events = yield* eventsOf(rows.map((row) => Number(text(row, "body"))));
  for (const { number, type } of events)
    for (const { url, on } of to)
      if (!on || on.includes(type))
        yield sql(
          `insert into outbox (id, kind, body, made_at, due_at) values ($1, 'webhook', $2, $3, $3)
           on conflict do nothing`,
          `alert/${number} ${url}`,
          JSON.stringify({ event: number, url }),
          now,
        );
  return events;
}

/** Takes what is due for webhooks; until the lease is over nobody else does. */
export function* takeNotices(limit: number, leaseMs: number, now: number): Tx<readonly Notice[]> {
  const rows = yield sql(
    `update outbox set due_at = $1, tries = tries + 1 where id in (select id from outbox
       where kind = 'webhook' and sent_at is null and due_at <= $2 order by due_at limit $3)
     returning id, body, tries`,
    now + leaseMs,
    now,
    limit,
  );
  const bodies = rows.map((row) => JSON.parse(text(row, "body")) as { readonly event: number; readonly url: string });
  const events = new Map((yield* eventsOf(bodies.map(({ event }) => event))).map((one) => [one.number, one]));
  return rows.flatMap((row, i) => {
    const { url = "", event: number = 0 } = bodies[i] ?? {};
    const event = events.get(number);
    return event ? [{ id: text(row, "id"), url, tries: int(row, "tries"), event }] : [];
  });
}

/** One has arrived, or is given up; else it is due again. What another process has taken since stands. */
export function* settleNotice({ id, tries }: Notice, again: number | undefined, now: number): Tx<void> {
  yield sql(
    "update outbox set sent_at = $3, due_at = $4 where id = $1 and tries = $2 and sent_at is null",
    id,
    tries,
    again === undefined ? now : null,
    again === undefined ? now : Math.ceil(now + again),
  );
}

function* eventsOf(numbers: readonly number[]): Tx<readonly StoredEvent[]> {
  if (numbers.length === 0) return [];
  const rows = yield sql(
    "select * from events where number in (select value from json_each($1)) order by number",
    JSON.stringify(numbers),
  );
  const texts = yield* fetchTexts(rows.map((row) => row["data"]));
  return rows.map((row) => eventOf(row, texts));
}
