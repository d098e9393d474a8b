import { offeredLines } from "../core/fork.ts";
import type { Memory, News, Offered, Progress, Run, Wait } from "../core/store.ts";
import { claimedAt } from "../core/undoing.ts";
import { first, flag, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts } from "./texts.ts";
import { undoableOf } from "./undone.ts";
import { attemptCells, attemptOf, lineCells, lineOf, waitCells, waitOf } from "./words.ts";

/** All that a run remembers; `kept` leaves out what a new generation has dropped, which only a trace wants to see. */
export function* memory(run: string, kept: boolean): Tx<Memory> {
  const which = kept ? "and dropped = 0" : "";
  const lines = yield sql(`select * from lines where run = $1 ${which} order by generation, seq`, run);
  const attempts = yield sql("select * from attempts where run = $1 order by id", run);
  const waits = yield sql(`select * from waits where run = $1 ${which} order by generation, opened_at`, run);
  const texts = yield* fetchTexts([
    ...lines.flatMap(lineCells),
    ...attempts.flatMap(attemptCells),
    ...waits.flatMap(waitCells),
  ]);
  return {
    lines: lines.map((row) => lineOf(row, texts)),
    attempts: attempts.map((row) => attemptOf(row, texts)),
    waits: waits.map((row) => waitOf(row, texts)),
  };
}

/**
 * What the source of a fork offers it; what the fork has had and dropped is not offered again, nor what the source did
 * and was taken back.
 */
export function* offered({ id, source, fork }: Pick<Run, "id" | "source" | "fork">): Tx<Offered | undefined> {
  if (source === undefined || !fork) return undefined;
  const had = yield sql("select place from lines where run = $1 and dropped = 1", id);
  const { undone } = yield* undoableOf(source);
  const gone = new Set([...had.map((row) => text(row, "place")), ...undone]);
  const lines = yield sql("select * from lines where run = $1 and dropped = 0", source);
  const cut = yield sql("select * from attempts where run = $1 and result = 'aborted' order by id", source);
  const texts = yield* fetchTexts([...lines.flatMap(lineCells), ...cut.flatMap(attemptCells)]);
  const known = lines.map((row) => lineOf(row, texts));
  return {
    lines: offeredLines(known, fork).filter(({ place }) => !gone.has(place)),
    cut: cut.map((row) => attemptOf(row, texts)),
  };
}

/** How far a run is, without reading what it said. */
export function* progress(run: string): Tx<Progress> {
  const lines = yield sql(
    "select place, state, reused from lines where run = $1 and kind = 'call' and dropped = 0 order by seq",
    run,
  );
  const held = yield sql("select distinct place from attempts where run = $1 and state = 'held'", run);
  const waits = yield* waitsOf(run, "and state = 'open'");
  const untold = yield* untoldOf(run);
  const reused = lines.filter((line) => flag(line, "reused")).length;
  const placesOf = (rows: readonly Row[]) => rows.map((row) => text(row, "place"));
  return {
    done: new Set(placesOf(lines.filter((line) => line["state"] === "done"))).size,
    running: placesOf(held),
    waiting: waits,
    failed: placesOf(lines.filter((line) => line["state"] === "failed")),
    ...(untold.length > 0 && { untold }),
    ...(reused > 0 && { reused }),
  };
}

/** Where an effect was claimed that has no outcome. */
function* untoldOf(run: string): Tx<readonly string[]> {
  const which = "run = $1 and kind = 'choice' and dropped = 0";
  const claims = yield sql(`select place from lines where ${which} and place like '%~claim%' order by seq`, run);
  if (claims.length === 0) return [];
  const told = new Set((yield sql(`select place from lines where ${which}`, run)).map((row) => text(row, "place")));
  return [...new Set(claims.flatMap((row) => claimedAt(text(row, "place")) ?? []))].filter((place) => !told.has(place));
}

/** What others may have changed in a run while its player was busy. */
export function* news(run: string): Tx<News> {
  const row = yield* first(sql("select cancelling, paused from runs where id = $1", run));
  const is = (column: string) => row !== undefined && flag(row, column);
  return { cancelling: is("cancelling"), paused: is("paused"), waits: yield* waitsOf(run, "and dropped = 0") };
}

function* waitsOf(run: string, which: string): Tx<readonly Wait[]> {
  const rows = yield sql(`select * from waits where run = $1 ${which} order by generation, opened_at`, run);
  const texts = yield* fetchTexts(rows.flatMap(waitCells));
  return rows.map((row) => waitOf(row, texts));
}
