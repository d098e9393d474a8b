import { warnAt } from "../core/alert.ts";
import { outcomeOf } from "../core/deciding.ts";
import { Failure } from "../core/errors.ts";
import { isUnder } from "../core/place.ts";
import type { Decision, NewWait, RunCaps, Wait, Write } from "../core/store.ts";
import { announceAsk, asksSomebody } from "./announcements.ts";
import { takeEarly } from "./event-waits.ts";
import type { Filters } from "./filters.ts";
import { first, int, maybeInt, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts, keep } from "./texts.ts";
import { waitCells, waitOf } from "./words.ts";

type Park = Extract<Write, { readonly do: "park" }>;

/**
 * Asks; again where the question was taken back. One that stands, or is settled, stays as it is. Tells of a wait for an
 * event how it stands: the event may have come before.
 */
export function* openWait(run: string, wait: NewWait, filters: Filters, now: number): Tx<Wait | undefined> {
  const opened = yield sql(
    `insert into waits (run, generation, place, kind, state, show, approval, expires_at, opened_at, event_type,
       event_where, event_correlation, terms, escalate_at, warn_at)
     values ($1, $2, $3, $4, 'open', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
     on conflict (run, generation, place) do update set state = 'open', kind = excluded.kind, show = excluded.show,
       approval = excluded.approval, expires_at = excluded.expires_at, opened_at = excluded.opened_at, decided_at = null,
       event_type = excluded.event_type, event_where = excluded.event_where,
       event_correlation = excluded.event_correlation, terms = excluded.terms, escalate_at = excluded.escalate_at,
       escalated_at = null, warn_at = excluded.warn_at, warned_at = null
     where waits.state = 'withdrawn'
     returning place`,
    run,
    wait.generation,
    wait.place,
    wait.kind,
    yield* keep(wait.show, now),
    wait.approval ?? null,
    wait.expires_at ?? null,
    wait.opened_at,
    wait.event?.type ?? null,
    wait.event?.where ?? null,
    wait.event?.correlation_id ?? null,
    yield* keep(wait.terms, now),
    wait.escalate_at ?? null,
    (asksSomebody(wait) ? warnAt(wait) : undefined) ?? null,
  );
  if (opened.length > 0 && asksSomebody(wait)) yield* announceAsk(run, wait, now);
  return wait.event && (yield* openForEvent(run, wait, filters, now));
}

function* openForEvent(run: string, { generation, place }: NewWait, filters: Filters, now: number): Tx<Wait> {
  const find = sql("select * from waits where run = $1 and generation = $2 and place = $3", run, generation, place);
  const [opened] = yield find;
  if (opened) yield* takeEarly(opened, filters, now);
  const [row] = yield find;
  if (!row) throw new Error(`the wait at ${place} was not written`);
  return waitOf(row, yield* fetchTexts(waitCells(row)));
}

/** Is it time to tell again of somebody who is waited for? */
export function* mustRemind(now: number): Tx<boolean> {
  for (const where of [UNHEARD, EXPIRING])
    if (yield* first(sql(`select 1 as one from waits ${where} limit 1`, now))) return true;
  return false;
}

/**
 * Tells again of those who are waited for, once because it has taken long and once because their time is nearly over,
 * as long as somebody still can decide. Gives their runs.
 */
export function* remind(now: number): Tx<readonly string[]> {
  const unheard = yield sql(`update waits set escalated_at = $1 ${UNHEARD} returning *`, now);
  const expiring = yield sql(`update waits set warned_at = $1 ${EXPIRING} returning *`, now);
  const texts = yield* fetchTexts([...unheard, ...expiring].flatMap(waitCells));
  for (const row of unheard) yield* announceAsk(text(row, "run"), waitOf(row, texts), now, "approval.escalated");
  for (const row of expiring) yield* announceAsk(text(row, "run"), waitOf(row, texts), now, "approval.expiring");
  return [...unheard, ...expiring].map((row) => text(row, "run"));
}

const UNHEARD = `where state = 'open' and escalated_at is null and escalate_at <= $1
  and (expires_at is null or expires_at > $1)`;
const EXPIRING = "where state = 'open' and warned_at is null and warn_at <= $1 and expires_at > $1";

/** Ends an open wait by time. */
export function* expire(run: string, place: string, now: number): Tx<void> {
  yield sql(
    "update waits set state = 'expired', decided_at = $3 where run = $1 and place = $2 and state = 'open'",
    run,
    place,
    now,
  );
}

/** Ends the open waits of a run whose time is over. */
export function* expireDue(run: string, now: number): Tx<void> {
  yield sql(
    "update waits set state = 'expired', decided_at = $2 where run = $1 and state = 'open' and expires_at <= $2",
    run,
    now,
  );
}

/** Takes back the open waits under these places: nobody is asked there any more. */
export function* withdraw(run: string, under: readonly string[], now: number): Tx<void> {
  const open = yield sql("select generation, place from waits where run = $1 and state = 'open'", run);
  for (const row of open) {
    if (!under.some((place) => isUnder(text(row, "place"), place))) continue;
    yield sql(
      "update waits set state = 'withdrawn', decided_at = $4 where run = $1 and generation = $2 and place = $3",
      run,
      int(row, "generation"),
      text(row, "place"),
      now,
    );
  }
}

/**
 * Puts a run down until one of these waits is settled. Refused where one of them no longer is open, where the run's end
 * is asked for, or where it was to ask for a budget and has other caps already: its player has news to read.
 */
export function* park(run: Row, { places, asks }: Park, filters: Filters, now: number): Tx<boolean> {
  const id = text(run, "id");
  yield* expireDue(id, now);
  const open = yield sql("select place, expires_at from waits where run = $1 and state = 'open'", id);
  const named = open.filter((row) => places.includes(text(row, "place")));
  if (int(run, "cancelling") === 1 || named.length < new Set(places).size) return false;
  if (asks && !hasCaps(run, asks.caps)) return false;
  if (asks && !(yield* askForBudget(id, asks.wait, filters, now))) return false;
  const expiries = [...open.map((row) => maybeInt(row, "expires_at")), asks?.wait.expires_at].filter(
    (at) => at !== undefined,
  );
  yield sql(
    "update runs set status = 'waiting', owner = null, preferred = null, wake_at = $2 where id = $1",
    id,
    expiries.length === 0 ? null : Math.min(...expiries),
  );
  return true;
}

/** One question about money at a time, whose answer is still to come: an older one has been overtaken. */
function* askForBudget(run: string, wait: NewWait, filters: Filters, now: number): Tx<boolean> {
  yield sql(
    `update waits set state = 'withdrawn', decided_at = $3
     where run = $1 and kind = 'budget' and state = 'open' and place <> $2`,
    run,
    wait.place,
    now,
  );
  yield* openWait(run, wait, filters, now);
  const isOpen = "select 1 as one from waits where run = $1 and place = $2 and state = 'open'";
  return (yield* first(sql(isOpen, run, wait.place))) !== undefined;
}

const hasCaps = (run: Row, { usd, tokens, calls, seconds }: RunCaps): boolean =>
  maybeInt(run, "cap_usd") === usd &&
  maybeInt(run, "cap_tokens") === tokens &&
  maybeInt(run, "cap_calls") === calls &&
  maybeInt(run, "cap_seconds") === seconds;

/** Gives a waiting run back to the queue; one that is paused finds what has come when it goes on. */
export function* requeue(run: string): Tx<void> {
  yield sql(
    "update runs set status = 'queued', wake_at = null where id = $1 and status = 'waiting' and paused = 0",
    run,
  );
}

/** Settles an open wait, once, and wakes its run. The first to decide wins; the others are told who was first. */
export function* decide(run: string, place: string, made: Decision, by: string, now: number): Tx<Wait> {
  const { approval = null, ...decision } = made;
  const [settled] = yield sql(
    `update waits set state = 'answered', answer = $3, decided_by = $4, decided_at = $5
     where run = $1 and place = $2 and state = 'open' and (expires_at is null or expires_at > $5)
       and ($6 is null or approval = $6)
     returning *`,
    run,
    place,
    yield* keep(decision, now),
    by,
    now,
    approval,
  );
  if (!settled) throw yield* undecidable(run, place, now);
  yield* requeue(run);
  return waitOf(settled, yield* fetchTexts(waitCells(settled)));
}

function* undecidable(run: string, place: string, now: number): Tx<Failure> {
  if (!(yield* first(sql("select id from runs where id = $1", run)))) return unknownRun(run);
  const waits = yield sql("select * from waits where run = $1 order by opened_at", run);
  const row = waits.findLast((wait) => wait["place"] === place);
  const isOpen = row?.["state"] === "open" && (maybeInt(row, "expires_at") ?? now + 1) > now;
  if (isOpen)
    return new Failure("STALE_APPROVAL", `what ${place} asks has changed since it was shown`, { step: place });
  if (row) {
    const wait = waitOf(row, yield* fetchTexts(waitCells(row)));
    return new Failure("ILLEGAL_CHANGE", `${place} ${outcomeOf(wait, now)}`, { step: place });
  }
  const open = waits.filter((wait) => wait["state"] === "open").map((wait) => JSON.stringify(wait["place"]));
  return new Failure("NOT_FOUND", `run ${run} waits for nothing at ${JSON.stringify(place)}`, {
    hint: open.length === 0 ? "Nothing is waited for in this run." : `Name one of these steps: ${open.join(", ")}.`,
  });
}

export const unknownRun = (id: string): Failure =>
  new Failure("NOT_FOUND", `there is no run ${id}`, { hint: "list_runs shows the runs there are." });
