import { jsonrepair } from "jsonrepair";
import type { Reading } from "../core/desk.ts";
import type { JsonSchema, ModelReply } from "../core/provider.ts";
import { misfit } from "../core/shape.ts";
import { opensTooDeep, plainJson } from "./plain-json.ts";

/** Judges a reply: its text, or the JSON of the shape that was asked for; else says what is wrong, for its maker to act on. */
export function read(reply: Pick<ModelReply, "text" | "stop">, shape: JsonSchema | undefined): Reading {
  const text = reply.text.toWellFormed();
  if (reply.stop === "refusal")
    return { ok: false, code: "REFUSED", problem: `the model declined to answer${quote(text)}` };
  if (reply.stop === "length")
    return { ok: false, code: "TRUNCATED", problem: "the answer was cut off at its greatest length" };
  if (text.trim() === "") return { ok: false, code: "BAD_OUTPUT", problem: "it is empty" };
  return shape ? readShaped(text, shape) : { ok: true, value: text };
}

const quote = (text: string): string => (text.trim() === "" ? "" : `: ${text.trim().slice(0, 300).toWellFormed()}`);

/** A text without quotes is a string where a string, or this very one, was asked for. */
const wantsText = (text: string, { type, enum: choices, const: only }: JsonSchema): boolean =>
  [type].flat().includes("string") || (Array.isArray(choices) && choices.includes(text)) || only === text;

/** What a piece of text turned out to be: a fit, JSON of another shape, or no JSON. */
type Verdict =
  | { readonly is: "fit"; readonly value: unknown }
  | { readonly is: "misfit" | "broken"; readonly problem: string };

/**
 * The JSON in a text that has the shape, wherever it stands. Text is mended only where nothing fits as it stands, and
 * only between a first and a last bracket that are there.
 */
function readShaped(text: string, shape: JsonSchema): Reading {
  const cuts = cutsOf(text);
  const strict = [text, ...fencesOf(text), ...cuts].map((part) => judge(part, JSON.parse, shape));
  const fit = strict.find(isFit);
  if (fit) return { ok: true, value: fit.value };
  if (wantsText(text, shape) && misfit(text, shape) === undefined) return { ok: true, value: text };
  const mended = cuts.map((part) => judge(part, mend, shape));
  const repaired = mended.find(isFit);
  if (repaired) return { ok: true, value: repaired.value };
  return { ok: false, code: "BAD_OUTPUT", problem: worst([...strict, ...mended], cuts.length > 0) };
}

/** The mender calls itself for each level, so it is not given a text that could exhaust the stack. */
const mend = (broken: string): unknown => JSON.parse(opensTooDeep(broken) ? broken : jsonrepair(broken));

const isFit = (verdict: Verdict): verdict is Extract<Verdict, { is: "fit" }> => verdict.is === "fit";

function judge(text: string, parse: (text: string) => unknown, shape: JsonSchema): Verdict {
  const read = parsed(text, parse);
  if ("problem" in read) return { is: "broken", problem: `it is not valid JSON: ${read.problem}` };
  const problem = misfit(read.value, shape);
  return problem === undefined
    ? { is: "fit", value: read.value }
    : { is: "misfit", problem: `it does not have the shape: ${problem}` };
}

function parsed(text: string, parse: (text: string) => unknown): { value: unknown } | { problem: string } {
  try {
    return plainJson(parse(text));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** The most telling problem: how JSON misses the shape; else why the likeliest piece is no JSON; else that there is none. */
function worst(verdicts: readonly Verdict[], bracketed: boolean): string {
  const problems = verdicts.flatMap((verdict) => (verdict.is === "fit" ? [] : verdict));
  const misshapen = problems.find(({ is }) => is === "misfit");
  if (misshapen) return misshapen.problem;
  return (bracketed ? problems.at(-1)?.problem : undefined) ?? "it holds no JSON: answer with the JSON value alone";
}

/** What stands in fenced blocks, as in Markdown. */
const fencesOf = (text: string): string[] =>
  [...text.matchAll(/```[^\n`]*\n([\s\S]*?)```/g)].slice(0, 20).map(([, inside = ""]) => inside);

/** From the first opening bracket of a kind to the last closing one; whichever opens first comes first. */
function cutsOf(text: string): string[] {
  const cuts = ["{}", "[]"].map(([open = "", close = ""]) => ({
    from: text.indexOf(open),
    to: text.lastIndexOf(close),
  }));
  return cuts
    .filter(({ from, to }) => from >= 0 && to > from)
    .sort((a, b) => a.from - b.from)
    .map(({ from, to }) => text.slice(from, to + 1));
}
