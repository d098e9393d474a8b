import { Failure } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Path } from "./references.ts";

/** One thing in a definition that is wrong, or that a careful reader would change. */
export interface Finding {
  readonly path: Path;
  /** The name at the end of the path is meant, and not what stands under it. */
  readonly named?: boolean;
  readonly message: string;
  /** What to do, as a clause that follows the message. */
  readonly hint?: string;
}

/** A finding where it stands in its text; in a definition given as data, the path is all there is. */
export interface Problem extends Finding {
  readonly line?: number;
  readonly column?: number;
}

/** A problem in one line: where, what, and what to do. */
export const told = (problem: Problem): string => `${whereOf(problem)}${wordsOf(problem)}`;

/** A problem without its place: its path, what is wrong, and what to do. */
export function wordsOf({ path, message, hint }: Finding): string {
  const name = path.length > 0 ? `\`${path.join(".")}\`: ` : "";
  return `${name}${message}${hint === undefined ? "" : `; ${hint}`}`;
}

const whereOf = ({ line, column }: Problem): string => (line === undefined ? "" : `${line}:${column}: `);

/** The failure that says all that is wrong in a definition. */
export const invalid = (what: string, problems: readonly Problem[]): Failure =>
  new Failure("INVALID_WORKFLOW", [`${what} cannot be used:`, ...problems.map((one) => `- ${told(one)}`)].join("\n"), {
    hint: "Correct what is listed, and try again; baton://schemas/workflow tells the format.",
  });

/** "did you mean `a`?", or what there is; nothing where there is nothing. */
export function instead(word: string, names: Iterable<string>, prefix = ""): { hint?: string } {
  const all = [...names];
  const near = nearest(word, all).find((name) => [...name].some((letter) => word.includes(letter)));
  if (near !== undefined) return { hint: `did you mean \`${prefix}${near}\`?` };
  if (all.length === 0) return {};
  const more = all.length > SHOWN ? `, and ${all.length - SHOWN} more` : "";
  return { hint: `there ${all.length === 1 ? "is" : "are"} ${all.slice(0, SHOWN).join(", ")}${more}` };
}

const SHOWN = 12;

/** What is said of a name that is no node's. */
export const noNode = (name: string, names: Iterable<string>, prefix = ""): Omit<Finding, "path"> => ({
  message: `there is no node \`${name}\``,
  ...instead(name, names, prefix),
});
