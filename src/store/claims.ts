import type { Catalogue } from "../core/catalogue.ts";
import { Failure } from "../core/errors.ts";
import type { Claimed, Lease, PatternKey, WorkerIdentity } from "../core/store.ts";
import { announceEnd, lastNumber } from "./announcements.ts";
import { EVERYWHERE, settleAtReserve } from "./attempts.ts";
import { Books } from "./books.ts";
import { tellIfCostly } from "./costly.ts";
import type { Moment } from "./driver.ts";
import { CANCELLED } from "./endings.ts";
import { bodiesOf } from "./material.ts";
import { memory, offered } from "./memory.ts";
import { whole } from "./runs.ts";
import { first, flag, int, maybeInt, type Row, type Statement, sql, type Tx, text } from "./statement.ts";
import { keep } from "./texts.ts";
import { expireDue, withdraw } from "./waits.ts";
import { workerOf } from "./words.ts";

const MONTH = 30 * 86_400_000;

/** Makes a worker known, and forgets those of long ago that play nothing. */
export function* enlist(worker: WorkerIdentity, now: number): Tx<void> {
  yield sql(
    `delete from workers where enlisted_at < $1 and id not in (select owner from runs where status = 'running')`,
    now - MONTH,
  );
  yield sql(
    `insert into workers (id, pid, host, boot, lock_file, enlisted_at, role) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (id) do update set pid = excluded.pid, host = excluded.host, boot = excluded.boot,
       lock_file = excluded.lock_file, enlisted_at = excluded.enlisted_at, role = excluded.role,
       leaving_at = null`,
    worker.id,
    worker.pid,
    worker.host,
    worker.boot,
    worker.lock,
    now,
    worker.role ?? null,
  );
}

export function* dismiss(worker: string): Tx<void> {
  yield sql("delete from workers where id = $1", worker);
}

/** What a worker can play: the needs it can meet, and the patterns it knows. */
export interface Skill {
  readonly has: readonly string[];
  readonly play: readonly PatternKey[];
}

export const anyQueued = (): Tx<boolean> => isThere(sql("select 1 as one from runs where status = 'queued' limit 1"));

function* isThere(statement: Statement): Tx<boolean> {
  return (yield* first(statement)) !== undefined;
}

/** A run that could not be read and has ended: what that tells is written behind this event. */
export interface Buried {
  readonly since: number;
}

/** Gives the best queued run that a worker can play to it, with all that the run remembers. */
export function* claim(
  worker: string,
  skill: Skill,
  at: Moment,
  catalogue: (hash: string) => Tx<Catalogue>,
): Tx<Claimed | Buried | undefined> {
  const id = (yield* ownPick(worker, skill)) ?? (yield* anyPick(skill));
  if (id === undefined) return undefined;
  const row = yield* first(
    sql(
      `update runs set status = 'running', epoch = epoch + 1, beat = beat + 1, owner = $2, touched_mono = $3,
         claimed_at = $4, started_at = coalesce(started_at, $4)
       where id = $1 and status = 'queued' returning *`,
      id,
      worker,
      at.mono,
      at.now,
    ),
  );
  if (!row) return undefined;
  yield* expireDue(id, at.now);
  try {
    const run = yield* whole(row);
    const from = yield* offered(run);
    const pinned = yield* catalogue(run.catalogue);
    const bodies = yield* bodiesOf(run);
    const more = { ...(from && { offered: from }), ...(bodies && { bodies }) };
    return { run, catalogue: pinned, memory: yield* memory(id, true), ...more };
  } catch (error) {
    const since = yield* lastNumber();
    yield* bury(id, error, at.now);
    return { since };
  }
}

/** A run that can no longer be read ends, so that it does not stand in the way of all that are queued behind it. */
function* bury(id: string, error: unknown, now: number): Tx<void> {
  const why = error instanceof Error ? error.message : String(error);
  const failure = new Failure("BUG", `the run cannot be read: ${why}`).toJSON();
  const buried = yield sql(
    "update runs set status = 'dead', owner = null, preferred = null, ended_at = $2, error = $3 where id = $1 returning *",
    id,
    now,
    yield* keep(failure, now),
  );
  for (const row of buried) yield* announceEnd(row, failure, now);
}

/** Whether a worker has what a run needs, and knows its pattern. */
export function canPlay(row: Row, { has, play }: Skill): boolean {
  const needs = JSON.parse(text(row, "needs")) as string[];
  const known = play.some((key) => key.name === row["pattern"] && key.version === row["pattern_version"]);
  return known && needs.every((need) => has.includes(need));
}

/** The runs that would rather be played by this worker come first. */
function* ownPick(worker: string, skill: Skill): Tx<string | undefined> {
  const rows = yield sql(
    `select id, needs, pattern, pattern_version from runs
     where status = 'queued' and preferred = $1 order by rank limit 20 /*pg: for update skip locked*/`,
    worker,
  );
  const row = rows.find((each) => canPlay(each, skill));
  return row && text(row, "id");
}

/** What is queued has few kinds; of each that can be played the first in rank is looked at. */
function* anyPick(skill: Skill): Tx<string | undefined> {
  const kinds = yield sql("select distinct needs, pattern, pattern_version from runs where status = 'queued'");
  let best: Row | undefined;
  for (const kind of kinds.filter((each) => canPlay(each, skill))) {
    const row = yield* first(
      sql(
        `select id, rank from runs where status = 'queued' and needs = $1 and pattern = $2 and pattern_version = $3
         order by rank limit 1 /*pg: for update skip locked*/`,
        text(kind, "needs"),
        text(kind, "pattern"),
        int(kind, "pattern_version"),
      ),
    );
    if (row && (!best || int(row, "rank") < int(best, "rank"))) best = row;
  }
  return best && text(best, "id");
}

/** Every run that is played, and by whom. */
export function* leases(): Tx<readonly Lease[]> {
  const rows = yield sql(
    `select runs.id as run, runs.epoch, runs.beat, workers.* from runs left join workers on workers.id = runs.owner
     where runs.status = 'running'`,
  );
  return rows.map((row) => ({
    run: text(row, "run"),
    epoch: int(row, "epoch"),
    beat: int(row, "beat"),
    owner: row["id"] === null ? undefined : workerOf(row),
  }));
}

/** Takes a run from an owner who has not moved since he was seen. What he had in flight is charged at its reserve. */
export function* reap({ run, epoch, beat }: Pick<Lease, "run" | "epoch" | "beat">, now: number): Tx<boolean> {
  const row = yield* first(
    sql(
      `update runs set epoch = epoch + 1, crashes = crashes + 1, owner = null, preferred = null,
         status = case when cancelling = 1 then 'cancelled' when paused = 1 then 'waiting' else 'queued' end,
         ended_at = case when cancelling = 1 then $4 else null end
       where id = $1 and epoch = $2 and beat = $3 and status = 'running' returning *`,
      run,
      epoch,
      beat,
      now,
    ),
  );
  if (!row) return false;
  const books = new Books(run);
  yield* settleAtReserve(run, EVERYWHERE, "lost", books, now);
  yield* tellIfCostly(row, books.ledgerOfRun(row).spent.usd, now);
  yield* books.post();
  if (flag(row, "cancelling")) {
    yield* withdraw(run, EVERYWHERE, now);
    yield sql("update runs set error = $2 where id = $1", run, yield* keep(CANCELLED, now));
    yield* announceEnd(row, CANCELLED, now);
  }
  return true;
}

/** When the next parked run is due. */
export function* nextWake(): Tx<number | undefined> {
  const row = yield* first(sql("select min(wake_at) as next from runs where status = 'waiting' and paused = 0"));
  return row && maybeInt(row, "next");
}

export const dueNow = ({ now }: Moment): Tx<boolean> =>
  isThere(sql("select 1 as one from runs where status = 'waiting' and wake_at <= $1 and paused = 0 limit 1", now));

/** Wakes the parked runs whose time has come; their waits that are over are over for good. */
export function* wake(now: number): Tx<readonly string[]> {
  const woken = yield sql(
    "update runs set status = 'queued', wake_at = null where status = 'waiting' and wake_at <= $1 and paused = 0 returning id",
    now,
  );
  const ids = woken.map((row) => text(row, "id"));
  for (const id of ids) yield* expireDue(id, now);
  return ids;
}
