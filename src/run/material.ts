import { z } from "zod";
import { Failure } from "../core/errors.ts";
import { fence } from "../core/fence.ts";
import { type Attachment, attachmentMark, type Material, type Shortening } from "../core/material.ts";
import type { Outline } from "../core/outline.ts";
import { definePattern, type Pattern, type RunContext } from "../core/pattern.ts";
import { summaryMark, summaryTask, summaryText, type Wanted, wantedPrint } from "../core/summary.ts";

const Job = z.object({ by: z.string(), words: z.number(), text: z.string() });

/** Makes the summaries that a run's material asks for, each once, side by side. */
const summaries = definePattern({
  name: "context",
  version: 1,
  title: "Summaries of context",
  description: "Material that is made shorter before a run begins. Not a tool.",
  input: z.object({ jobs: z.array(Job) }),
  output: z.array(z.string()),
  subject: "jobs",
  agents: ({ jobs }) => jobs.map(({ by }) => by),
  async run(ctx, { jobs }) {
    ctx.tell(`summarising ${jobs.length} of the texts in context`);
    const made = await ctx.map(jobs, async (job, branch) => (await branch.call(job.by, summaryTask(job))).output, {
      join: { kind: "all" },
    });
    return made.flatMap((each) => (each.ok ? [each.value] : []));
  },
});

/**
 * A pattern that is first given what marks in its subject stand for. The summaries are calls of the run like any
 * other: in its journal, on its budget, the same on replay and in a fork. Without material it is the pattern itself.
 */
export function withMaterial(pattern: Pattern, { summaries: wanted = [] }: Material = {}): Pattern {
  if (wanted.length === 0) return pattern;
  return {
    ...pattern,
    agents: (input) => [...new Set([...asked(pattern, input, wanted).map(({ by }) => by)]), ...pattern.agents(input)],
    ...(pattern.outline && {
      outline: (input, limits, workflow) =>
        after(distinct(asked(pattern, input, wanted)), pattern.outline?.(input, limits, workflow) ?? { steps: [] }),
    }),
    run: async (ctx, input) => pattern.run(ctx, await filledIn(ctx, pattern, input, asked(pattern, input, wanted))),
  };
}

const subjectOf = ({ subject }: Pattern, input: unknown): string => {
  const text = (input as Readonly<Record<string, unknown>> | null)?.[subject];
  return typeof text === "string" ? text : "";
};

/** What the input still asks for: the input of a fork may be another. */
const asked = (pattern: Pattern, input: unknown, wanted: readonly Shortening[]): readonly Shortening[] => {
  const text = subjectOf(pattern, input);
  return wanted.filter((each) => text.includes(summaryMark(each)));
};

const distinct = (wanted: readonly Wanted[]): readonly Wanted[] => [
  ...new Map(wanted.map((each) => [wantedPrint(each), each])).values(),
];

async function filledIn(
  ctx: RunContext,
  pattern: Pattern,
  input: unknown,
  wanted: readonly Shortening[],
): Promise<unknown> {
  if (wanted.length === 0) return input;
  const jobs = distinct(wanted).map(({ by, words, text }) => ({ by, words, text }));
  const made = await ctx.run(summaries, { jobs });
  const byPrint = new Map(jobs.map((job, index) => [wantedPrint(job), made[index] ?? ""]));
  const text = wanted.reduce(
    (subject, each) => subject.replaceAll(summaryMark(each), () => shown(each, byPrint.get(wantedPrint(each)) ?? "")),
    subjectOf(pattern, input),
  );
  const bytes = Buffer.byteLength(text);
  const { input_bytes: most } = ctx.limits;
  if (bytes > most) {
    throw new Failure("TOO_LARGE", `with its summaries the task has ${bytes} bytes; at most ${most} are allowed`, {
      hint: "Ask for fewer words. The setting is limits.input_bytes.",
    });
  }
  return { ...(input as object), [pattern.subject]: text };
}

const shown = (wanted: Shortening, summary: string): string => fence(wanted.name, summaryText(wanted, summary));

/** All that begins at once begins after the summaries. */
function after(jobs: readonly Wanted[], { steps }: Outline): Outline {
  const first = jobs.map((job, index) => ({
    name: `context/${index}`,
    kind: "call" as const,
    agent: job.by,
    after: [],
    least: 1,
    most: 1,
    bytes: Buffer.byteLength(job.text),
    reads: [],
    parallel: true,
  }));
  const names = first.map(({ name }) => name);
  return { steps: [...first, ...steps.map((step) => (step.after.length > 0 ? step : { ...step, after: names }))] };
}

/** Typical sizes, in bytes of text that have as many tokens: a picture, and so many bytes of a document, a page. */
const PICTURE = 12_000;
const PAGE = { bytes: 50_000, text: 8000 } as const;

const weightOf = ({ type, size }: Attachment): number =>
  type === "application/pdf" ? Math.ceil(size / PAGE.bytes) * PAGE.text : PICTURE;

/** A request as an estimate reads it: marks as long as what they stand for. */
export function foreseeable<
  R extends { readonly pattern: Pattern; readonly input: unknown; readonly material?: Material },
>(request: R): R {
  const { pattern, input, material } = request;
  if (!material) return request;
  const { files = [], summaries: wanted = [] } = material;
  const marks = [
    ...files.map((file) => [attachmentMark(file), weightOf(file)] as const),
    ...wanted.map((each) => [summaryMark(each), each.words * 7] as const),
  ];
  const text = marks.reduce(
    (subject, [mark, bytes]) => subject.replace(mark, `${mark}${"x".repeat(Math.max(0, bytes - mark.length))}`),
    subjectOf(pattern, input),
  );
  const filled = { ...(input as object), [pattern.subject]: text };
  return { ...request, pattern: withMaterial(pattern, material), input: filled };
}
