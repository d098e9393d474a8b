import { quoted } from "../../core/texts.ts";
import { type Course, finished, type Outcome, saidOf } from "./course.ts";

const SHOWN = 2000;

/** What a planner is told of what was done before: what stands, what failed and why, and what is wrong with the result. */
export function learnt({ outcomes, output, judgement }: Course): string[] {
  if (outcomes.length === 0) return [];
  const done = finished(outcomes);
  const failed = outcomes.filter(({ status }) => status === "failed");
  const parts = [
    ...section(
      "# Finished tasks",
      done.map((one) => quoted(label(one), one.id, short(one.output ?? ""))),
    ),
    ...section(
      "# Tasks that failed",
      failed.map((one) => quoted(label(one), "problem", short(`${one.error?.code}: ${one.error?.message}`))),
    ),
    ...section("# Tasks that were not begun, since they follow one that failed", unbegun(outcomes, done)),
  ];
  if (!judgement || judgement.ok) return parts;
  return [
    ...parts,
    ...(output === undefined ? [] : [quoted("# The result so far", "result", short(output))]),
    quoted("# What is wrong with the result", "problems", saidOf(judgement)),
  ];
}

/** A plan that was made later may have done it after all. */
const unbegun = (outcomes: readonly Outcome[], done: readonly Outcome[]): string[] =>
  outcomes.filter(({ id, status }) => status === "skipped" && !done.some((one) => one.id === id)).map(label);

const section = (heading: string, parts: readonly string[]): string[] =>
  parts.length === 0 ? [] : [heading, ...parts];

const label = ({ id, worker, task }: Outcome): string => `${JSON.stringify(id)}, by ${worker}: ${task}`;

const short = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
