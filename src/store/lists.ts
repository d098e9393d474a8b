import { STATUSES, type Status } from "../core/status.ts";
import type { RunFilter, RunPage, RunStats } from "../core/store.ts";
import { type Cell, first, int, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts } from "./texts.ts";
import { runCells, runOf } from "./words.ts";

type Which = Omit<RunFilter, "limit" | "cursor">;

interface Where {
  readonly sql: string;
  readonly args: readonly Cell[];
}

/** Runs, the latest first. */
export function* list({ limit, cursor, ...which }: RunFilter): Tx<RunPage> {
  const { sql: where, args } = whereOf(which, cursor);
  const rows = yield sql(
    `select * from runs ${where} order by created_at desc, id desc limit $${args.length + 1}`,
    ...args,
    limit + 1,
  );
  const shown = rows.slice(0, limit);
  const texts = yield* fetchTexts(shown.flatMap(runCells));
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    runs: shown.map((row) => runOf(row, texts)),
    ...(last && { next: `${int(last, "created_at")}.${text(last, "id")}` }),
  };
}

function whereOf(which: Which, cursor?: string): Where {
  const args: Cell[] = [];
  const arg = (cell: Cell): string => `$${args.push(cell)}`;
  const tests: string[] = [];
  if (which.caller !== undefined) tests.push(`caller = ${arg(which.caller)}`);
  if (which.pattern !== undefined) tests.push(`pattern = ${arg(which.pattern)}`);
  if (which.since !== undefined) tests.push(`created_at >= ${arg(which.since)}`);
  if (which.status) tests.push(`status in (select value from json_each(${arg(JSON.stringify(which.status))}))`);
  if (which.label !== undefined) {
    tests.push(`${arg(which.label)} in (select value from json_each(labels))`);
  }
  if (which.query) tests.push(saysQuery(arg(`%${which.query.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`)));
  const [time, id] = cursor?.split(".") ?? [];
  if (time !== undefined && id !== undefined) {
    const before = arg(Number(time) || 0);
    tests.push(`(created_at < ${before} or (created_at = ${before} and id < ${arg(id)}))`);
  }
  return { sql: tests.length === 0 ? "" : `where ${tests.join(" and ")}`, args };
}

/** Whether a run's name, labels, input, output or error says something; long ones stand among the texts. */
const saysQuery = (like: string): string => {
  const short = ["id", "pattern", "labels", "input", "output", "error"];
  const tests = short.map((column) => `lower(${column}) like ${like} escape '\\'`);
  const long = `exists (select 1 from texts
    where hash in (substr(input, 2), substr(output, 2), substr(error, 2)) and lower(body) like ${like} escape '\\')`;
  return `(${[...tests, long].join(" or ")})`;
};

/** Counts, durations and cost of the runs that match. */
export function* stats(which: Which): Tx<RunStats> {
  const { sql: where, args } = whereOf(which);
  const groups = yield sql(
    `select status, count(*) as runs, sum(usd) as usd from runs ${where} group by status`,
    ...args,
  );
  const counts = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;
  for (const row of groups) counts[text(row, "status") as Status] = int(row, "runs");
  const usd = groups.reduce((sum, row) => sum + int(row, "usd"), 0);
  const ended = `${where === "" ? "where" : `${where} and`} ended_at is not null`;
  const count = yield* first(sql(`select count(*) as runs from runs ${ended}`, ...args));
  const total = count ? int(count, "runs") : 0;
  if (total === 0) return { counts, usd };
  const at = (share: number): Tx<number> => duration(ended, args, Math.ceil(total * share) - 1);
  return { counts, usd, p50: yield* at(0.5), p95: yield* at(0.95), p99: yield* at(0.99) };
}

function* duration(ended: string, args: readonly Cell[], nth: number): Tx<number> {
  const row: Row | undefined = yield* first(
    sql(
      `select ended_at - created_at as ms from runs ${ended} order by ms limit 1 offset $${args.length + 1}`,
      ...args,
      nth,
    ),
  );
  return row ? int(row, "ms") : 0;
}
