import { z } from "zod";
import { compilePath } from "../../core/json-path.ts";
import type { Budget } from "../../core/limits.ts";
import type { RunContext } from "../../core/pattern.ts";
import { isProjected, Projection, project, SUMMARY_WORDS, Summary } from "../../core/projection.ts";
import { summaryTask, summaryText, type Wanted, wantedPrint } from "../../core/summary.ts";
import { asText } from "../../core/texts.ts";

/** What a step sees of an earlier one: a name, or a part of its output. */
export const Read = z.union([
  z.string(),
  z.strictObject({ step: z.string(), ...Projection.shape, summary: Summary.optional() }),
]);
export type Read = z.output<typeof Read>;

export type Reading = Exclude<Read, string>;

export const readingOf = (read: Read): Reading => (typeof read === "string" ? { step: read } : read);

/** Is less than all of the output meant? */
export const isPart = (read: Reading): boolean => isProjected(read) || read.summary !== undefined;

/** Throws where a path cannot be read. */
export function checkReading({ path }: Reading): void {
  if (path !== undefined) compilePath(path);
}

/** Under which name the summary that one step reads of another is asked for. */
export const summaryName = (step: string): string => `${step}-summary`;

/** What a step sees of an output; a summary that the run has made already of the same text is not made again. */
export async function seen(
  ctx: RunContext,
  output: unknown,
  read: Reading,
  known: Map<string, string>,
  budget: Budget | undefined,
): Promise<unknown> {
  const { summary, step } = read;
  const part = isProjected(read) ? project(output, read) : output;
  if (!summary) return part;
  const wanted: Wanted = { by: summary.by, words: summary.words ?? SUMMARY_WORDS, text: asText(part) };
  const print = wantedPrint(wanted);
  const made = known.get(print) ?? (await summarised(ctx, wanted, summaryName(step), budget));
  known.set(print, made);
  return summaryText(wanted, made);
}

const summarised = async (
  ctx: RunContext,
  wanted: Wanted,
  name: string,
  budget: Budget | undefined,
): Promise<string> => {
  const { output } = await ctx.call(wanted.by, { name, ...summaryTask(wanted), ...(budget && { budget }) });
  return output;
};
