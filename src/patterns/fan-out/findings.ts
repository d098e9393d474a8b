import { asText } from "../../core/texts.ts";

/** One thing that somebody found, with everybody who found it. */
export interface Finding extends Readonly<Record<string, unknown>> {
  readonly severity: string;
  readonly found_by: readonly string[];
}

const ORDER = ["critical", "blocker", "high", "major", "medium", "moderate", "minor", "low", "info", "note"];
const WORDS = ["title", "summary", "message", "problem", "description", "recommendation"];

/**
 * What typed answers found, each thing once, the gravest first: answers that are lists of objects with a `severity`, or
 * hold such a list in `findings`. Undefined where none is of that form.
 */
export function findingsOf(
  answers: readonly { readonly agent: string; readonly output?: unknown }[],
): Finding[] | undefined {
  const lists = answers.flatMap(({ agent, output }) => {
    const list = listIn(output);
    return list ? [{ agent, list }] : [];
  });
  if (lists.length === 0) return undefined;
  const merged = new Map<string, Finding>();
  for (const { agent, list } of lists)
    for (const one of list) merged.set(keyOf(one), joined(merged.get(keyOf(one)), one, agent));
  return [...merged.values()].sort((a, b) => rank(a.severity) - rank(b.severity));
}

type Raw = Readonly<Record<string, unknown>> & { readonly severity: string };

function listIn(output: unknown): readonly Raw[] | undefined {
  const list = Array.isArray(output) ? output : isObject(output) ? output["findings"] : undefined;
  return Array.isArray(list) && list.every(isRaw) ? list : undefined;
}

const isObject = (thing: unknown): thing is Record<string, unknown> =>
  typeof thing === "object" && thing !== null && !Array.isArray(thing);

const isRaw = (thing: unknown): thing is Raw => isObject(thing) && typeof thing["severity"] === "string";

/** Two that say the same of the same place are one, however they spell it. */
function keyOf(finding: Raw): string {
  const words = WORDS.map((word) => finding[word]).find((value) => value !== undefined);
  return [finding["location"], words ?? finding].map((value) => plain(asText(value))).join("\n");
}

const plain = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim();

/** Of two severities the graver counts; who found it is kept. */
function joined(known: Finding | undefined, one: Raw, agent: string): Finding {
  if (!known) return { ...one, found_by: [agent] };
  const graver = rank(one.severity) < rank(known.severity) ? one : known;
  return { ...known, ...graver, found_by: [...new Set([...known.found_by, agent])] };
}

/** What no list of severities knows comes last. */
function rank(severity: string): number {
  const at = ORDER.indexOf(severity.trim().toLowerCase());
  return at < 0 ? ORDER.length : at;
}
