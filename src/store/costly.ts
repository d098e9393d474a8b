import { toUsd } from "../core/money.ts";
import type { Baseline } from "../core/store.ts";
import { COSTLY_LEAST, COSTLY_TIMES, ENOUGH_RUNS, mostOver, subjectOf } from "../core/usual.ts";
import { announceCost, lastNumber } from "./announcements.ts";
import { baselines } from "./reads.ts";
import { first, int, maybeInt, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts, unpack } from "./texts.ts";

/** From which cost on a run of this subject is told as costly; nothing where nobody knows what is usual. */
export function* costlyOver(subject: string): Tx<number | null> {
  const row = yield* first(
    sql("select runs, usd from baselines where subject = $1 and place = '' and runs >= $2", subject, ENOUGH_RUNS),
  );
  return row ? overOf({ runs: int(row, "runs"), usd: int(row, "usd") }) : null;
}

const overOf = ({ runs, usd }: Pick<Baseline, "runs" | "usd">): number =>
  Math.max(COSTLY_LEAST, Math.ceil((COSTLY_TIMES * usd) / runs));

/**
 * Tells of a run that costs far more than its like, once and as soon as it does; what is usual is what is known now.
 * Gives the number of the event before.
 */
export function* tellIfCostly(run: Row, spent: number, now: number): Tx<number | undefined> {
  const over = maybeInt(run, "costly_over");
  if (over === undefined || spent <= over) return undefined;
  const id = text(run, "id");
  const row = yield* first(sql("select pattern, input from runs where id = $1", id));
  const input = row && unpack(row["input"], yield* fetchTexts([row["input"]]));
  const known = yield* baselines(row ? subjectOf(text(row, "pattern"), input) : "");
  const whole = known.find(({ place }) => place === "");
  const limit = whole ? overOf(whole) : over;
  if (spent <= limit) {
    yield sql("update runs set costly_over = $2 where id = $1", id, limit);
    return undefined;
  }
  const since = yield* lastNumber();
  yield* announceCost(id, { usd: toUsd(spent), ...(yield* detailOf(id, known, whole)) }, now);
  yield sql("update runs set costly_over = null where id = $1", id);
  return since;
}

/** What is usual, and where most has been spent over that. */
function* detailOf(id: string, known: readonly Baseline[], whole: Baseline | undefined): Tx<object> {
  const runs = whole?.runs ?? 1;
  const usualAt = new Map(known.map(({ place, usd }) => [place, usd / runs]));
  const rows = yield sql("select place, usd from attempts where run = $1 and state = 'settled'", id);
  const spent = rows.map((row) => ({ place: text(row, "place"), usd: int(row, "usd") }));
  const most = mostOver(spent, (place) => usualAt.get(place) ?? 0);
  return {
    usual_usd: rounded(usualAt.get("") ?? 0),
    earlier_runs: runs,
    ...(most && {
      step: most.dearest,
      at: { place: most.place, usd: toUsd(most.usd), usual_usd: rounded(most.usual) },
    }),
  };
}

const rounded = (nano: number): number => toUsd(Math.round(nano));
