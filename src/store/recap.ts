import type { Caps } from "../core/budget.ts";
import { sql, type Tx, text } from "./statement.ts";
import { fetchTexts, unpack } from "./texts.ts";
import { requeue } from "./waits.ts";

/** The caps above every run, as the settings have them now. */
export interface Daily {
  readonly caller: Caps;
  readonly day: Caps;
}

/** What the wait for a cap above a run shows. */
interface Shown {
  readonly scope?: keyof Daily;
  readonly unit?: keyof Caps;
  readonly cap?: number;
}

/** The runs that wait for a cap above their own which is greater now than when it stopped them. */
export function* outgrown(daily: Daily): Tx<readonly string[]> {
  const rows = yield sql(
    `select waits.run, waits.show from runs join waits on waits.run = runs.id
     where runs.status = 'waiting' and runs.wake_at is not null
       and waits.kind = 'budget' and waits.state = 'open' and waits.expires_at is not null`,
  );
  const texts = yield* fetchTexts(rows.map((row) => row["show"]));
  return rows.filter((row) => isGreater(daily, unpack(row["show"], texts) as Shown)).map((row) => text(row, "run"));
}

function isGreater(daily: Daily, { scope = "day", unit = "usd", cap = 0 }: Shown): boolean {
  return (daily[scope][unit] ?? Number.POSITIVE_INFINITY) > cap;
}

/** Wakes them: what they ask for next is measured by the caps of now. */
export function* recap(daily: Daily, now: number): Tx<readonly string[]> {
  const runs = yield* outgrown(daily);
  for (const run of runs) {
    yield sql(
      `update waits set state = 'withdrawn', decided_at = $2
       where run = $1 and kind = 'budget' and state = 'open' and expires_at is not null`,
      run,
      now,
    );
    yield* requeue(run);
  }
  return runs;
}
