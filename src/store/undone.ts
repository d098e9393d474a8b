import type { FailureInfo } from "../core/errors.ts";
import { derivedRunId } from "../core/run-id.ts";
import type { Line } from "../core/store.ts";
import { type Claim, COMPENSATE, claimedAt, type Undoable, type Undoing, undoable } from "../core/undoing.ts";
import { int, maybeText, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts, keep, unpack } from "./texts.ts";
import { lineCells, lineOf } from "./words.ts";

/** What of a run's deeds can be taken back, as its journal and those of the runs that took some back tell. */
export function* undoableOf(run: string): Tx<Undoable> {
  const lines = yield* linesOf("run = $1", run);
  const took = yield* linesOf("run in (select id from runs where undoes = $1)", run);
  const done = new Set(took.filter(({ state }) => state === "done").map(({ run, place }) => `${run}:${place}`));
  const keys = took.flatMap(({ run, place, value }) => {
    const step = claimedAt(place);
    return step !== undefined && done.has(`${run}:${step}`) ? [(value as Claim).key] : [];
  });
  return undoable(lines, new Set(keys));
}

function* linesOf(which: string, run: string): Tx<readonly (Line & { readonly run: string })[]> {
  const rows = yield sql(
    `select * from lines where ${which} and kind = 'choice' and dropped = 0 order by generation, seq`,
    run,
  );
  const texts = yield* fetchTexts(rows.flatMap(lineCells));
  return rows.map((row) => ({ ...lineOf(row, texts), run: text(row, "run") }));
}

/** The runs that took back what a run did, the oldest first. */
export const undoingRows = (run: string): Tx<readonly Row[]> =>
  yielded(sql("select * from runs where undoes = $1 order by created_at, id", run));

function* yielded(statement: ReturnType<typeof sql>): Tx<readonly Row[]> {
  return yield statement;
}

/** What such a run was given. */
export function* undoingOf(row: Row): Tx<Undoing> {
  return unpack(row["input"], yield* fetchTexts([row["input"] ?? null])) as Undoing;
}

/** Writes a run that takes back what another did; none where there is nothing. It needs neither a model nor money. */
export function* beginUndoing(of: Row, { ask }: { readonly ask: boolean }, now: number): Tx<Row | undefined> {
  const run = text(of, "id");
  const generation = int(of, "generation");
  const { steps } = yield* undoableOf(run);
  if (steps.length === 0) return undefined;
  const nth = (yield* undoingRows(run)).length + 1;
  const input: Undoing = { run, generation, ask, steps: [...steps] };
  const [row] = yield sql(
    `insert into runs (id, status, pattern, pattern_version, input, caller, labels, priority, catalogue, seed, needs,
       rehearsal, on_budget, cap_explicit, rank, created_at, undoes, events_before)
     select $2, 'queued', $3, $4, $5, caller, labels, priority, catalogue, seed, $7, rehearsal, 'fail', 0,
       $6 - priority * 60000, $6, id, (select coalesce(max(number), 0) from events)
     from runs where id = $1 returning *`,
    run,
    derivedRunId(`undo/${run}/${generation}/${nth}`),
    COMPENSATE.name,
    COMPENSATE.version,
    yield* keep(input, now),
    now,
    JSON.stringify(needsBut(of)),
  );
  if (row && !ask) yield* mark(run, `what it did is being taken back by run ${text(row, "id")}`);
  return row;
}

/** No model is asked; what else it needed may be needed again. */
const needsBut = (of: Row): string[] =>
  (JSON.parse(text(of, "needs")) as string[]).filter((need) => !need.startsWith("provider:"));

/** Begins to take back what a run did that has ended by a catastrophe; one whose journal cannot be read says so. */
export function* undoAfterCatastrophe(dead: Row, now: number): Tx<void> {
  try {
    yield* beginUndoing(dead, { ask: false }, now);
  } catch (error) {
    if (!(error instanceof Error) || "code" in error) throw error;
    yield* mark(text(dead, "id"), `what it did cannot be taken back: its journal cannot be read (${error.message})`);
  }
}

const MARK = /^(what it did (is being|was|cannot be) taken back|taking back what it did)/;

/** Says of a run what became of its deeds, in the place of what was said of them before. */
function* mark(run: string, said: string | undefined): Tx<void> {
  const [row] = yield sql("select degraded from runs where id = $1", run);
  if (!row) return;
  const before = (JSON.parse(text(row, "degraded")) as string[]).filter((one) => !MARK.test(one));
  const all = said === undefined ? before : [...before, said];
  yield sql("update runs set degraded = $2 where id = $1", run, JSON.stringify(all));
}

/** The run whose deeds another was to take back is told how that has ended. */
export function* tellUndone(undoing: Row, error: FailureInfo | undefined): Tx<void> {
  const run = maybeText(undoing, "undoes");
  if (run === undefined) return;
  if (error?.code === "REJECTED") return yield* mark(run, undefined);
  const output = unpack(undoing["output"], yield* fetchTexts([undoing["output"] ?? null]));
  const taken = (output as { readonly taken_back?: readonly string[] } | undefined)?.taken_back ?? [];
  const said = error
    ? `taking back what it did has ended as ${text(undoing, "status")} (run ${text(undoing, "id")}): ${error.message}`
    : `what it did was taken back: ${taken.join(", ") || "nothing was left to be"}`;
  yield* mark(run, said);
}
