import type { Player } from "../core/store.ts";
import { canPlay, type Skill } from "./claims.ts";
import { flag, maybeInt, present, sql, type Tx, text } from "./statement.ts";
import { workerOf } from "./words.ts";

/** Every run that is played: by whom, since when, and whether they are about to end. */
export function* players(): Tx<readonly Player[]> {
  const rows = yield sql(
    `select runs.id as run, runs.claimed_at, runs.labels, coalesce(workers.leaving_at, 0) > 0 as leaving, workers.*
     from runs left join workers on workers.id = runs.owner where runs.status = 'running' order by runs.claimed_at`,
  );
  return rows.map((row) => ({
    run: text(row, "run"),
    labels: JSON.parse(text(row, "labels")) as readonly string[],
    leaving: flag(row, "leaving"),
    ...present({ since: maybeInt(row, "claimed_at"), owner: row["id"] === null ? undefined : workerOf(row) }),
  }));
}

/** The runs without one of these labels that a worker could play now, or by then. */
export function* ready(skill: Skill, by: number, but: readonly string[]): Tx<number> {
  const rows = yield sql(
    `select needs, pattern, pattern_version, labels from runs
     where status = 'queued' or (status = 'waiting' and paused = 0 and wake_at <= $1) limit 1000`,
    by,
  );
  const isMeant = (labels: string) => !(JSON.parse(labels) as string[]).some((label) => but.includes(label));
  return rows.filter((row) => canPlay(row, skill) && isMeant(text(row, "labels"))).length;
}

/** A worker takes up nothing more: what it still plays will be somebody else's. */
export function* leave(worker: string, now: number): Tx<void> {
  yield sql("update workers set leaving_at = $2 where id = $1", worker, now);
}
