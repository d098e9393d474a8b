import { Failure } from "../core/errors.ts";
import { hasEnded, type Status } from "../core/status.ts";
import type { Run } from "../core/store.ts";
import { COMPENSATE } from "../core/undoing.ts";
import { again, mustFind, whole } from "./runs.ts";
import { int, type Row, type Tx, text } from "./statement.ts";
import { beginUndoing, undoableOf, undoingOf, undoingRows } from "./undone.ts";

interface Compensated {
  readonly run: Run;
  readonly existed: boolean;
}

/** Has what a run did taken back. Asked twice, it is done once; what could not be taken back is tried again. */
export function* compensate(id: string, how: { readonly ask: boolean }, now: number): Tx<Compensated> {
  const row = yield* mustFind(id);
  refuseUnended(row);
  const latest = (yield* undoingRows(id)).at(-1);
  const { generation } = latest ? yield* undoingOf(latest) : { generation: 0 };
  if (latest && generation === int(row, "generation")) {
    const status = text(latest, "status");
    if (status === "failed" || status === "dead")
      return { run: yield* again(text(latest, "id"), status, undefined, now), existed: true };
    if (status !== "cancelled") return { run: yield* whole(latest), existed: true };
  }
  const begun = yield* beginUndoing(row, how, now);
  if (begun) return { run: yield* whole(begun), existed: false };
  const { stays } = yield* undoableOf(id);
  const left = stays.length > 0 ? `; nothing says how ${stays.join(", ")} would be` : "";
  throw new Failure("ILLEGAL_CHANGE", `run ${id} did nothing that is still to be taken back${left}`, {
    hint: "A step is taken back where it says how: `compensate` of a node with an effect.",
  });
}

function refuseUnended(row: Row): void {
  const status = text(row, "status") as Status;
  if (row["pattern"] === COMPENSATE.name)
    throw new Failure(
      "ILLEGAL_CHANGE",
      `run ${text(row, "id")} takes back what another did, and is not taken back itself`,
    );
  if (hasEnded(status)) return;
  throw new Failure("ILLEGAL_CHANGE", `run ${text(row, "id")} is ${status}, and has not ended`, {
    hint: "Cancel it first (control_run cancel); then take back what it did.",
  });
}

/** The runs that took back what a run did, the oldest first. */
export function* undoings(id: string): Tx<readonly Run[]> {
  const runs: Run[] = [];
  for (const row of yield* undoingRows(id)) runs.push(yield* whole(row));
  return runs;
}
