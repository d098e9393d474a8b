import { Failure } from "../core/errors.ts";
import type { Delivery } from "../core/event.ts";
import type { Run } from "../core/store.ts";
import { mustFind, whole } from "./runs.ts";
import { sql, type Tx, text } from "./statement.ts";

/** Marks a dead run as dropped; done twice, it is as if it were done once. */
export function* drop(id: string, now: number): Tx<Run> {
  const row = yield* mustFind(id);
  if (row["status"] !== "dead")
    throw new Failure("ILLEGAL_CHANGE", `run ${id} is ${text(row, "status")}, not dead`, {
      hint: "Only a dead run is dropped; one that goes on is cancelled.",
    });
  yield sql("update runs set dropped_at = coalesce(dropped_at, $2) where id = $1", id, now);
  return yield* whole(yield* mustFind(id));
}

/** Makes a dead delivery due again, or drops it; false where it is not dead any more. */
export function* settleDead(
  { subscription, event }: Pick<Delivery, "subscription" | "event">,
  how: "again" | "drop",
  now: number,
): Tx<boolean> {
  const rows = yield sql(
    how === "again"
      ? `update deliveries set state = 'due', tries = 0, due_at = $3, error = null
         where subscription = $1 and event = $2 and state = 'dead' returning subscription`
      : `update deliveries set state = 'dropped', due_at = $3
         where subscription = $1 and event = $2 and state = 'dead' returning subscription`,
    subscription,
    event.number,
    now,
  );
  return rows.length > 0;
}
