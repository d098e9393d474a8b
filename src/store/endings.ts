import { Failure, type FailureInfo } from "../core/errors.ts";
import type { Status } from "../core/status.ts";
import type { Ending } from "../core/store.ts";
import { anyBranch, subjectOf } from "../core/usual.ts";
import { announceEnd } from "./announcements.ts";
import { EVERYWHERE, settleAtReserve } from "./attempts.ts";
import type { Books } from "./books.ts";
import { tellIfCostly } from "./costly.ts";
import { flag, int, maybeText, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts, keep, unpack } from "./texts.ts";
import { keepTrack } from "./track.ts";
import { withdraw } from "./waits.ts";
import { unpackUsage } from "./words.ts";

export const CANCELLED: FailureInfo = new Failure("CANCELLED", "the run was cancelled").toJSON();

/** Ends a run: what it holds is charged, what it waits for is taken back. A cancel that was asked for comes first. */
export function* end(run: Row, ending: Ending, books: Books, now: number): Tx<Status> {
  const id = text(run, "id");
  const status = flag(run, "cancelling") ? "cancelled" : ending.status;
  const error = status === ending.status ? ending.error : CANCELLED;
  const why = error ?? (status === "cancelled" ? CANCELLED : undefined);
  yield* settleAtReserve(id, EVERYWHERE, "aborted", books, now);
  yield* withdraw(id, EVERYWHERE, now);
  yield* books.post();
  const rows = yield sql(
    `update runs set status = $2, owner = null, preferred = null, paused = 0, wake_at = null, ended_at = $3, output = $4,
       error = $5, degraded = $6 where id = $1 returning *`,
    id,
    status,
    now,
    yield* keep(ending.output, now),
    yield* keep(why, now),
    JSON.stringify(ending.degraded),
  );
  for (const row of rows) {
    yield* tellIfCostly(row, int(row, "usd"), now);
    yield* announceEnd(row, why, now);
    yield* keepTrack(row);
  }
  if (status === "succeeded") for (const row of rows) yield* learn(row);
  return status;
}

/** Gives a run back to the queue with nothing in flight; ends it, or puts it down, where somebody asked for that. */
export function* release(run: Row, books: Books, now: number): Tx<void> {
  if (flag(run, "cancelling")) {
    yield* end(run, { status: "cancelled", degraded: [] }, books, now);
    return;
  }
  const id = text(run, "id");
  yield* settleAtReserve(id, EVERYWHERE, "aborted", books, now);
  yield sql(
    `update runs set status = case when paused = 1 then 'waiting' else 'queued' end, owner = null, preferred = null
     where id = $1`,
    id,
  );
}

/** Adds a run that succeeded to what runs of its kind cost and take. Rehearsals teach nothing, nor do forks. */
function* learn(run: Row): Tx<void> {
  if (maybeText(run, "source_run") !== undefined) return;
  const calls = yield sql(
    "select place, model, ms, usage from lines where run = $1 and kind = 'call' and dropped = 0",
    text(run, "id"),
  );
  if (calls.some((line) => maybeText(line, "model")?.startsWith("rehearsal/"))) return;
  const input = unpack(run["input"], yield* fetchTexts([run["input"]]));
  const subject = subjectOf(text(run, "pattern"), input);
  yield* add(subject, "", { runs: 1, usd: int(run, "usd"), ms: int(run, "held_ms") });
  const places = new Map<string, { runs: number; usd: number; ms: number }>();
  for (const line of calls) {
    const place = anyBranch(text(line, "place"));
    const sum = places.get(place) ?? { runs: 0, usd: 0, ms: 0 };
    const usd = unpackUsage(line["usage"])?.usd ?? 0;
    places.set(place, { runs: sum.runs + 1, usd: sum.usd + usd, ms: sum.ms + int(line, "ms") });
  }
  for (const [place, sum] of places) yield* add(subject, place, sum);
}

function* add(subject: string, place: string, sum: { runs: number; usd: number; ms: number }): Tx<void> {
  yield sql(
    `insert into baselines (subject, place, runs, usd, ms) values ($1, $2, $3, $4, $5)
     on conflict (subject, place) do update set runs = baselines.runs + excluded.runs,
       usd = baselines.usd + excluded.usd, ms = baselines.ms + excluded.ms`,
    subject,
    place,
    sum.runs,
    sum.usd,
    Math.round(sum.ms),
  );
}
