import type { Run } from "../core/store.ts";
import { sql, type Tx } from "./statement.ts";

type Action = NonNullable<Run["control"]>["action"];

/** On which runs each of these does something. */
const CHANGES: Readonly<Record<Action, string>> = {
  cancel: "cancelling = 0",
  pause: "paused = 0",
  resume: "paused = 1",
};

/** Writes down who does this to a run, before it is done and only where it does something. */
export function* noteControl(id: string, action: Action, by: string | undefined, now: number): Tx<void> {
  if (by === undefined) return;
  yield sql(
    `update runs set control = $2 where id = $1 and status in ('queued', 'running', 'waiting') and ${CHANGES[action]}`,
    id,
    JSON.stringify({ action, by, at: now }),
  );
}
