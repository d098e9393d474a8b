import type { Fence, Line, Write, Written } from "../core/store.ts";
import { announceStep, asksSomebody, isFailedStep } from "./announcements.ts";
import { hold, settle, settleAtReserve } from "./attempts.ts";
import { Books } from "./books.ts";
import { tellIfCostly } from "./costly.ts";
import type { Moment } from "./driver.ts";
import { end, release } from "./endings.ts";
import type { Filters } from "./filters.ts";
import { renew } from "./group.ts";
import { putDown } from "./pauses.ts";
import { bit, first, type Row, sql, type Tx } from "./statement.ts";
import { keep } from "./texts.ts";
import { expire, openWait, park, withdraw } from "./waits.ts";
import { packUsage } from "./words.ts";

interface Player {
  readonly fence: Fence;
  readonly run: Row;
  readonly books: Books;
  readonly filters: Filters;
  readonly now: number;
}

const DONE: Written = { did: "done" };

/** Writes that leave a run with its player, and so may share one reading and one renewal of it in a commit. */
const SHARING: readonly Write["do"][] = ["hold", "settle", "line", "close", "open", "expire", "progress", "beat"];

export const mayShare = (writes: readonly Write[]): boolean => writes.every((each) => SHARING.includes(each.do));

/** Is anything of this told to others as an event? */
export const mayAnnounce = (writes: readonly Write[]): boolean =>
  writes.some(
    (each) =>
      each.do === "end" ||
      each.do === "release" ||
      (each.do === "park" && each.asks !== undefined) ||
      (each.do === "open" && asksSomebody(each.wait)) ||
      (each.do === "line" && isFailedStep(each.line)),
  );

/** May a run cost more after this? */
export const mayCost = (writes: readonly Write[]): boolean =>
  writes.some((each) => each.do === "settle" || each.do === "close");

/** What came of writing: nothing where the run was lost; and the number of the event before what only its cost told. */
export interface Wrote {
  readonly written?: readonly Written[];
  readonly since?: number;
}

/**
 * What the player of a run writes, all or nothing, and its lease renewed with it. One who has lost the run writes
 * nothing; only the bills of what he has sent are put right.
 */
export function* write(
  fence: Fence,
  writes: readonly Write[],
  { now, mono, group }: Moment,
  { leaseMs, filters }: { readonly leaseMs: number; readonly filters: Filters },
): Tx<Wrote> {
  const books = new Books(fence.run, group);
  const run = group?.owned(fence.run, fence.epoch) ?? (yield* owned(fence));
  if (!run) {
    for (const each of writes) if (each.do === "settle") yield* settle(fence.run, each.settle, books, now);
    yield* books.post();
    group?.reread();
    return {};
  }
  const player = { epoch: fence.epoch, row: run, mono, leaseMs };
  if (!group) yield* renew(fence.run, player);
  const written: Written[] = [];
  for (const each of writes) written.push(yield* perform(each, { fence, run, books, filters, now }));
  const since = run["costly_over"] === null ? undefined : yield* tellIfCostly(run, spentOf(run, books), now);
  if (group) group.take(fence.run, player, books);
  else yield* books.post();
  return { written, ...(since !== undefined && { since }) };
}

const spentOf = (run: Row, books: Books): number => books.ledgerOfRun(run).spent.usd;

/** The run, if it is still this player's. */
function* owned({ run, epoch }: Fence): Tx<Row | undefined> {
  return yield* first(
    sql(
      `select id, cancelling, touched_mono, cap_usd, cap_tokens, cap_calls, cap_seconds, held_usd, held_tokens, held_calls, usd,
         input_tokens, output_tokens, calls, costly_over
       from runs where id = $1 and epoch = $2 and status = 'running' /*pg: for update*/`,
      run,
      epoch,
    ),
  );
}

function* perform(each: Write, { fence, run, books, filters, now }: Player): Tx<Written> {
  switch (each.do) {
    case "hold":
      return yield* hold(fence, run, each.hold, books, now);
    case "settle":
      yield* settle(fence.run, each.settle, books, now);
      return DONE;
    case "line":
      yield* remember(fence.run, each.line, now);
      return DONE;
    case "close":
      yield* settleAtReserve(fence.run, each.under, "aborted", books, now);
      yield* withdraw(fence.run, each.under, now);
      return DONE;
    case "open": {
      const wait = yield* openWait(fence.run, each.wait, filters, now);
      return wait ? { did: "opened", wait } : DONE;
    }
    case "expire":
      yield* expire(fence.run, each.place, now);
      return DONE;
    case "park":
      return { did: "parked", ok: yield* park(run, each, filters, now) };
    case "pause":
      return { did: "parked", ok: yield* putDown(run) };
    case "progress":
      yield sql("update runs set progress = $2 where id = $1", fence.run, each.text);
      return DONE;
    case "end":
      return { did: "ended", status: yield* end(run, each.ending, books, now) };
    case "release":
      yield* release(run, books, now);
      return DONE;
    case "beat":
      return DONE;
  }
}

/** Writes a line once. The same line again is the repetition of a commit whose outcome nobody knew. */
function* remember(run: string, line: Line, now: number): Tx<void> {
  const fresh = yield sql(
    `insert into lines (run, generation, place, seq, kind, print, state, value, error, agent, model, usage, degraded,
       ms, at, reused)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
     on conflict (run, generation, place) do nothing returning seq`,
    run,
    line.generation,
    line.place,
    line.seq,
    line.kind,
    line.print,
    line.state,
    yield* keep(line.value, now),
    yield* keep(line.error, now),
    line.agent ?? null,
    line.model ?? null,
    line.usage ? packUsage(line.usage) : null,
    line.degraded ? JSON.stringify(line.degraded) : null,
    line.ms,
    line.at,
    bit(line.reused),
  );
  if (fresh.length > 0 && isFailedStep(line)) yield* announceStep(run, line, now);
  if (fresh.length > 0) return;
  const same = sql(
    "select seq from lines where run = $1 and generation = $2 and place = $3 and seq = $4 and print = $5 and kind = $6",
    run,
    line.generation,
    line.place,
    line.seq,
    line.print,
    line.kind,
  );
  if (!(yield* first(same))) throw new Error(`run ${run} was told something else at ${line.place} before`);
}
