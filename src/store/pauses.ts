import type { Run } from "../core/store.ts";
import { noteControl } from "./controls.ts";
import { mustFind, whole } from "./runs.ts";
import { type Row, sql, type Tx, text } from "./statement.ts";

/**
 * Puts a run down until somebody lets it go on: at once where nobody plays it; where somebody does, as soon as its calls
 * in flight have ended. One that has ended stays what it is.
 */
export function* pause(id: string, by: string | undefined, now: number): Tx<Run> {
  yield* mustFind(id);
  yield* noteControl(id, "pause", by, now);
  yield sql("update runs set paused = 1 where id = $1 and status in ('running', 'waiting')", id);
  // From the queue a run gets to waiting by way of being played, if only within this transaction.
  const queued = yield sql("update runs set status = 'running' where id = $1 and status = 'queued' returning id", id);
  if (queued.length > 0) yield sql("update runs set paused = 1, status = 'waiting', wake_at = null where id = $1", id);
  return yield* whole(yield* mustFind(id));
}

/** Lets a paused run go on: back to the queue, at its old rank. Whatever it waits for is looked at then. */
export function* resume(id: string, by: string | undefined, now: number): Tx<Run> {
  yield* mustFind(id);
  yield* noteControl(id, "resume", by, now);
  yield sql(
    "update runs set status = 'queued', wake_at = null where id = $1 and status = 'waiting' and paused = 1",
    id,
  );
  yield sql("update runs set paused = 0 where id = $1", id);
  return yield* whole(yield* mustFind(id));
}

/** Puts a run down for its player, if its pause still stands and nobody has asked for its end. */
export function* putDown(run: Row): Tx<boolean> {
  const down = yield sql(
    `update runs set status = 'waiting', owner = null, preferred = null, wake_at = null
     where id = $1 and paused = 1 and cancelling = 0 returning id`,
    text(run, "id"),
  );
  return down.length > 0;
}
