import { Failure, type FailureInfo } from "../core/errors.ts";
import { isUnder } from "../core/place.ts";
import { hasEnded, type Status } from "../core/status.ts";
import type { NewRun, Run, RunCaps } from "../core/store.ts";
import { subjectOf } from "../core/usual.ts";
import { announceEnd } from "./announcements.ts";
import { noteControl } from "./controls.ts";
import { costlyOver } from "./costly.ts";
import { CANCELLED } from "./endings.ts";
import { keepMaterial } from "./material.ts";
import { bit, first, int, maybeText, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts, keep, keepShared, unpack } from "./texts.ts";
import { undoableOf, undoingOf, undoingRows } from "./undone.ts";
import { keepAgents } from "./versions.ts";
import { requeue, unknownRun, withdraw } from "./waits.ts";
import { redoneOf, runCells, runOf } from "./words.ts";

/** A priority of one is worth a minute of waiting. */
const MINUTE = 60_000;

export interface Created {
  readonly run: Run;
  readonly existed: boolean;
}

/** Writes a run, or finds the one that the same key has made before. */
export function* create(wish: NewRun, limits: { readonly queued: number }, now: number): Tx<Created> {
  const before = yield* madeBefore(wish);
  if (before) return { run: yield* whole(before), existed: true };
  yield* checkQueue(limits.queued);
  const rows = yield* insert(wish, now);
  const row = rows[0] ?? (yield* madeBefore(wish));
  if (!row) throw new Error(`run ${wish.id} was neither made nor found`);
  if (rows.length > 0) yield* keepAgents(wish.catalogue, text(row, "catalogue"), wish.fork !== undefined, now);
  return { run: yield* whole(row), existed: rows.length === 0 };
}

function* madeBefore({ caller, idempotency }: NewRun): Tx<Row | undefined> {
  if (!idempotency) return undefined;
  const row = yield* first(
    sql("select * from runs where caller = $1 and idempotency_key = $2", caller, idempotency.key),
  );
  if (row && row["idempotency_hash"] !== idempotency.hash) {
    throw new Failure(
      "KEY_REUSED",
      `the idempotency_key ${JSON.stringify(idempotency.key)} was used before, with other arguments, for run ${text(row, "id")}`,
      { hint: `Use another key for another task, or read what that run has become: get_run ${text(row, "id")}.` },
    );
  }
  return row;
}

function* checkQueue(limit: number): Tx<void> {
  const row = yield* first(sql("select count(*) as queued from runs where status = 'queued'"));
  const queued = row ? int(row, "queued") : 0;
  if (queued < limit) return;
  const pace = yield* first(
    sql(
      `select avg(held_ms) as ms, (select count(*) from runs where status = 'running') as playing
       from (select held_ms from runs where ended_at is not null order by created_at desc limit 20) as latest`,
    ),
  );
  const each = typeof pace?.["ms"] === "number" ? pace["ms"] : 5000;
  const playing = Math.max(1, pace ? int(pace, "playing") : 1);
  const wait = Math.round(Math.min(300_000, Math.max(1000, each / playing)));
  throw new Failure("QUEUE_FULL", `${queued} runs are queued, and ${limit} may be; come back in ${wait} ms`, {
    retry_after_ms: wait,
    hint: "Start it again later with the same idempotency_key, or raise limits.queued in the settings.",
  });
}

function* insert(wish: NewRun, now: number): Tx<readonly Row[]> {
  const { caps, idempotency } = wish;
  return yield sql(
    `insert into runs (id, status, pattern, pattern_version, input, caller, labels, priority, catalogue, seed, needs,
       rehearsal, idempotency_key, idempotency_hash, on_budget, cap_usd, cap_tokens, cap_calls, cap_seconds,
       cap_explicit, preferred, rank, created_at, source_run, fork, events_before,
       costly_over, material)
     values ($1, 'queued', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
       (select coalesce(max(number), 0) from events), $25, $26)
     on conflict (caller, idempotency_key) where idempotency_key is not null do nothing
     returning *`,
    wish.id,
    wish.pattern,
    wish.pattern_version,
    yield* keep(wish.input, now),
    wish.caller,
    JSON.stringify(wish.labels),
    wish.priority,
    yield* keepShared(wish.catalogue, now),
    wish.seed,
    JSON.stringify([...new Set(wish.needs)].sort()),
    wish.rehearsal ? JSON.stringify(wish.rehearsal) : null,
    idempotency?.key ?? null,
    idempotency?.hash ?? null,
    wish.on_budget,
    caps.usd ?? null,
    caps.tokens ?? null,
    caps.calls ?? null,
    caps.seconds ?? null,
    bit(caps.explicit),
    wish.preferred ?? null,
    now - wish.priority * MINUTE,
    now,
    wish.source ?? null,
    yield* keep(wish.fork, now),
    yield* costlyOver(subjectOf(wish.pattern, wish.input)),
    yield* keepMaterial(wish, now),
  );
}

/** The run of a row, with its texts. */
export function* whole(row: Row): Tx<Run> {
  return runOf(row, yield* fetchTexts(runCells(row)));
}

export function* get(id: string): Tx<Run | undefined> {
  const row = yield* first(sql("select * from runs where id = $1", id));
  return row && (yield* whole(row));
}

/** The row of a run that must be there. */
export function* mustFind(id: string): Tx<Row> {
  const row = yield* first(sql("select * from runs where id = $1 /*pg: for update*/", id));
  if (!row) throw unknownRun(id);
  return row;
}

/** Ends a run that nobody plays; asks the player of one that is played to end it. One that has ended stays what it is. */
export function* cancel(id: string, by: string | undefined, now: number): Tx<Run> {
  yield* mustFind(id);
  yield* noteControl(id, "cancel", by, now);
  yield sql("update runs set cancelling = 1 where id = $1 and status = 'running'", id);
  const ended = yield sql(
    `update runs set status = 'cancelled', cancelling = 1, paused = 0, wake_at = null, ended_at = $2, error = $3
     where id = $1 and status in ('queued', 'waiting') returning *`,
    id,
    now,
    yield* keep(CANCELLED, now),
  );
  if (ended.length > 0) yield* withdraw(id, [""], now);
  for (const row of ended) yield* announceEnd(row, CANCELLED, now);
  return yield* whole(yield* mustFind(id));
}

/** Gives a run that failed back to the queue in a new generation, without what made it fail. */
export function* again(id: string, from: "failed" | "dead", step: string | undefined, now: number): Tx<Run> {
  const row = yield* mustFind(id);
  if (row["status"] !== from) {
    throw new Failure("ILLEGAL_CHANGE", `run ${id} is ${text(row, "status")}, not ${from}`, {
      hint: "Only a failed run is retried, and only a dead one requeued; anything else is started anew.",
    });
  }
  const error = unpack(row["error"], yield* fetchTexts([row["error"] ?? null])) as FailureInfo | undefined;
  yield* mustBeOver(row);
  const { undone } = yield* undoableOf(id);
  yield* forget(id, step ?? error?.step, undone);
  yield sql(
    `update runs set status = 'queued', generation = generation + 1, crashes = 0, cancelling = 0, paused = 0, owner = null,
       preferred = null, wake_at = null, ended_at = null, output = null, error = null, degraded = '[]', progress = null,
       dropped_at = null, redone = $2
     where id = $1`,
    id,
    redoneWith(row, undone),
  );
  yield* withdraw(id, [""], now);
  return yield* whole(yield* mustFind(id));
}

/** What a run did is not done again while it is being taken back; nor taken back once it is built upon again. */
function* mustBeOver(row: Row): Tx<void> {
  const open = (yield* undoingRows(text(row, "id"))).find((one) => !hasEnded(text(one, "status") as Status));
  if (open)
    throw new Failure("ILLEGAL_CHANGE", `run ${text(open, "id")} takes back what this run did, and has not ended`, {
      hint: `Wait for it (get_run ${text(open, "id")}) or cancel it; then retry.`,
    });
  const source = maybeText(row, "undoes");
  if (source === undefined) return;
  const { generation } = yield* undoingOf(row);
  const of = yield* mustFind(source);
  if (int(of, "generation") === generation && hasEnded(text(of, "status") as Status)) return;
  throw new Failure("ILLEGAL_CHANGE", `run ${source}, whose deeds this run takes back, has gone on since`, {
    hint: `Once it has ended, control_run compensate ${source} takes back what it did.`,
  });
}

/** The key of what is done again must be another one. */
function redoneWith(row: Row, undone: readonly string[]): string | null {
  if (undone.length === 0) return maybeText(row, "redone") ?? null;
  const counts: Record<string, number> = { ...redoneOf(row) };
  for (const place of undone) counts[place] = (counts[place] ?? 0) + 1;
  return JSON.stringify(counts);
}

/**
 * Drops the lines of the failing step, or of all that failed, and of what was taken back, with the decisions and inner
 * runs around them. What is known to have failed is claimed anew; of a claim without a result nobody knows, and it stays.
 */
function* forget(run: string, step: string | undefined, undone: readonly string[]): Tx<void> {
  const lines = yield sql("select generation, place, kind, state from lines where run = $1 and dropped = 0", run);
  const failing = lines.filter((line) => isFailing(line, step)).map((line) => text(line, "place"));
  if (step !== undefined) failing.push(step);
  failing.push(...undone);
  const failed = lines.filter((line) => line["state"] === "failed").map((line) => text(line, "place"));
  const claims = [...failed, ...undone];
  const isClaim = (place: string) =>
    claims.some((step) => /^\/~(claim|done|effect)(\.\d+)?$/.test(cutFrom(place, step)));
  const around = (line: Row) =>
    failing.some((place) => isUnder(place, text(line, "place"))) || isClaim(text(line, "place"));
  for (const line of lines.filter(around)) yield* drop("lines", run, line);

  const waits = yield sql("select generation, place, state from waits where run = $1 and dropped = 0", run);
  for (const wait of waits) if (wait["state"] !== "answered" || around(wait)) yield* drop("waits", run, wait);
}

const cutFrom = (place: string, outer: string): string => (isUnder(place, outer) ? place.slice(outer.length) : "");

function isFailing(line: Row, step: string | undefined): boolean {
  if (step !== undefined && !isUnder(text(line, "place"), step)) return false;
  return line["place"] === step || line["state"] === "failed" || line["kind"] === "time";
}

function* drop(table: "lines" | "waits", run: string, row: Row): Tx<void> {
  yield sql(
    `update ${table} set dropped = 1 where run = $1 and generation = $2 and place = $3`,
    run,
    int(row, "generation"),
    text(row, "place"),
  );
}

/** Sets the caps that are named, and wakes a run that waits for them; one that waits for a cap above its own sleeps on. */
export function* raise(id: string, caps: Partial<RunCaps>, by: string, now: number): Tx<Run> {
  const row = yield* mustFind(id);
  if (row["status"] === "succeeded" || row["status"] === "cancelled") {
    throw new Failure("ILLEGAL_CHANGE", `run ${id} is ${text(row, "status")}: its budget no longer matters`);
  }
  yield sql(
    `update runs set cap_usd = coalesce($2, cap_usd), cap_tokens = coalesce($3, cap_tokens),
       cap_calls = coalesce($4, cap_calls), cap_seconds = coalesce($5, cap_seconds),
       cap_explicit = case when $2 is null then cap_explicit else 1 end
     where id = $1`,
    id,
    caps.usd ?? null,
    caps.tokens ?? null,
    caps.calls ?? null,
    caps.seconds ?? null,
  );
  const answered = yield sql(
    `update waits set state = 'answered', answer = $2, decided_by = $3, decided_at = $4
     where run = $1 and kind = 'budget' and state = 'open' and expires_at is null returning place`,
    id,
    yield* keep({ how: "answered", value: caps }, now),
    by,
    now,
  );
  if (answered.length > 0) yield* requeue(id);
  return yield* whole(yield* mustFind(id));
}
