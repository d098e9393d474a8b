import { z } from "zod";
import { momentOf } from "../core/ago.ts";
import { Failure } from "../core/errors.ts";
import { toUsd } from "../core/money.ts";
import { aboutRun } from "../core/record.ts";
import { STATUSES } from "../core/status.ts";
import type { Run, RunFilter, RunPage, RunStats, RunStore } from "../core/store.ts";
import { clip } from "./fit.ts";
import { rowPage } from "./page.ts";
import { decimal } from "./render.ts";
import { simpleTool } from "./simple-tool.ts";
import { LOOKS, type Setting, type Tool } from "./tool.ts";
import { lazily, outputSchema } from "./wire.ts";

const Input = z.strictObject({
  query: z.string().max(500).optional().describe("words in its input, id or labels"),
  status: z.enum(STATUSES).optional(),
  pattern: z.string().optional(),
  label: z.string().optional(),
  since: z.string().optional().describe("24h, 7d or an ISO date"),
  limit: z.int().min(1).max(50).optional().describe("default 10"),
  cursor: z
    .string()
    .regex(/^\d+\.r_[a-z2-7]+$/, "expected the cursor that `next` of the answer before gave")
    .optional(),
});
type Input = z.output<typeof Input>;

const Output = z.object({
  runs: z.array(z.record(z.string(), z.unknown())).optional(),
  counts: z.record(z.string(), z.number()).optional(),
  duration_ms: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).partial().optional(),
  usd: z.number().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  next: z.object({ tool: z.string(), arguments: z.record(z.string(), z.unknown()) }).optional(),
});
const OUTPUT_SCHEMA = lazily(() => outputSchema(Output));
const ROOM = 1500;

/** The caller's runs, the latest first, and how all that match went. */
export const listRuns = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "list_runs",
      title: "List runs",
      description:
        "Recent runs with counts by status, P50/P95/P99 and cost. Use it to find a run id or to see how things go. " +
        "Not to wait for a run (get_run).",
      input: Input,
      outputSchema: OUTPUT_SCHEMA,
      hints: LOOKS,
      async answer(input, { store }, { caller }) {
        const filter = filterOf(input, caller);
        const { runs, next: more } = await pageThatFits(store, filter, input);
        const stats = await store.stats(filter);
        const next = more === undefined ? undefined : { tool: "list_runs", arguments: { ...input, cursor: more } };
        const data = { runs: runs.map(runRow), ...told(stats), ...(next && { next }) };
        const text = [
          statsLine(stats),
          ...runs.map(runLine),
          next && `next: list_runs ${JSON.stringify(next.arguments)}`,
        ];
        return { data, text: text.filter(Boolean).join("\n"), isError: false };
      },
    },
    setting,
  );

type Filter = Omit<RunFilter, "limit" | "cursor">;

function filterOf(
  { query, status, pattern, label, since }: Input,
  caller: string,
): Omit<RunFilter, "limit" | "cursor"> {
  return {
    caller,
    ...(query !== undefined && { query }),
    ...(status && { status: [status] }),
    ...(pattern !== undefined && { pattern }),
    ...(label !== undefined && { label }),
    ...(since !== undefined && { since: sinceMs(since) }),
  };
}

/** As many runs as were asked for, or as an answer holds. */
async function pageThatFits(store: RunStore, filter: Filter, { limit = 10, cursor }: Input): Promise<RunPage> {
  const from = { ...filter, ...(cursor !== undefined && { cursor }) };
  const page = await store.list({ ...from, limit });
  const { shown } = rowPage(page.runs.map(runRow), undefined, ROOM);
  return shown.length === page.runs.length ? page : store.list({ ...from, limit: shown.length });
}

/** A moment as people write it: so long ago, or a date. */
function sinceMs(text: string): number {
  const ms = momentOf(text, Date.now());
  if (Number.isFinite(ms)) return ms;
  throw new Failure("INVALID_INPUT", `list_runs: \`since\`: ${JSON.stringify(clip(text, 60))} is no time`, {
    hint: 'A right call: list_runs {"since":"24h"}, or {"since":"2026-11-01T00:00:00Z"}',
  });
}

const told = ({ counts, p50, p95, p99, usd }: RunStats) => ({
  counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
  duration_ms: {
    ...(p50 !== undefined && { p50 }),
    ...(p95 !== undefined && { p95 }),
    ...(p99 !== undefined && { p99 }),
  },
  usd: toUsd(usd),
});

function statsLine(stats: RunStats): string {
  const { counts, duration_ms: ms, usd } = told(stats);
  const counted = Object.entries(counts).map(([status, count]) => `${count} ${status}`);
  const times = Object.entries(ms).map(([name, value]) => `${name.toUpperCase()} ${value} ms`);
  return [counted.join(", ") || "no runs", ...times, `$${decimal(usd)}`].join(" · ");
}

const runRow = (run: Run) => ({
  run_id: run.id,
  status: run.status,
  pattern: run.pattern,
  created_at: new Date(run.created_at).toISOString(),
  ...(run.ended_at !== undefined && { ms: run.ended_at - run.created_at }),
  usd: toUsd(run.usage.usd),
  ...(run.labels.length > 0 && { labels: run.labels }),
  ...(run.error && { error: run.error.code }),
  about: aboutRun(run),
});

function runLine(run: Run): string {
  const { run_id, status, pattern, created_at, ms, usd, labels, error, about } = runRow(run);
  const took = ms === undefined ? "" : `${ms} ms`;
  return [run_id, status, error, pattern, created_at, took, `$${decimal(usd)}`, labels?.join(","), about]
    .filter(Boolean)
    .join(" · ");
}
