import { Liquid, type Template as Parsed, Tokenizer } from "liquidjs";
import { Failure } from "./errors.ts";
import { fence } from "./fence.ts";
import { cutLines } from "./projection.ts";
import { asText } from "./texts.ts";

/** A text with places for values, in Liquid; checked when it was read. */
export interface Template {
  readonly text: string;
  /** What it reads, each from its variable on: `{{ nodes.a.output }}` is ["nodes", "a", "output"]. */
  readonly paths: readonly (readonly string[])[];
  /** Throws GATE_FAILED where a value is missing, and says which. */
  render(values: Readonly<Record<string, unknown>>): string;
}

const MAX_CHARS = 100_000;
const LIMITS = { parseLimit: 200_000, renderLimit: 1000, memoryLimit: 50_000_000 };
/** They read files, the clock or chance, put text in from elsewhere, or put values in where none is seen to be. */
const FORBIDDEN_TAGS = ["include", "render", "layout", "block", "echo", "cycle", "liquid"];
const FORBIDDEN_FILTERS = [
  "sample",
  "date",
  "date_to_xmlschema",
  "date_to_rfc822",
  "date_to_string",
  "date_to_long_string",
];
const WORD = /^\S{0,64}$/;

let made: Liquid | undefined;

/** Made when the first template is read: most servers read none at their start. */
function liquid(): Liquid {
  if (made) return made;
  made = new Liquid({
    ...LIMITS,
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    lenientIf: true,
    cache: false,
    outputEscape: (value: unknown) => (value === undefined || value === null ? "" : asText(value)),
  });
  for (const tag of FORBIDDEN_TAGS) delete made.tags[tag];
  for (const filter of FORBIDDEN_FILTERS) delete made.filters[filter];
  made.registerFilter("data", (value: unknown, name: unknown) => asData(value, String(name)));
  made.registerFilter("head", (value: unknown, lines: unknown) => cutLines(asText(value), linesOf(lines), undefined));
  made.registerFilter("tail", (value: unknown, lines: unknown) => cutLines(asText(value), undefined, linesOf(lines)));
  made.registerFilter("inline", { handler: (value: unknown) => asText(value), raw: true });
  return made;
}

/** How many lines are meant; ten where nobody says. */
const linesOf = (lines: unknown): number => Math.max(1, Math.trunc(Number(lines ?? 10)) || 10);

/**
 * Reads a template over these variables. In a prompt, what is put in is marked as data, but for single words and for
 * what comes from `trusted` variables, or from fields of them such as `inputs.topic`; the filter `inline` says of one value that it is to stand as it is.
 */
export function compileTemplate(
  text: string,
  variables: readonly string[],
  { prompt = false, trusted = ["inputs"] }: { readonly prompt?: boolean; readonly trusted?: readonly string[] } = {},
): Template {
  if (text.length > MAX_CHARS) throw unusable(`it is longer than ${MAX_CHARS} characters`);
  const plain = parse(text);
  const paths = readsOf(plain);
  for (const [name = ""] of paths)
    if (!variables.includes(name))
      throw unusable(`there is no variable \`${name}\`; there are ${variables.join(", ")}`);
  const parsed = prompt ? parse(marked(text, trusted)) : plain;
  return { text, paths, render: (values) => render(parsed, values) };
}

function parse(text: string): Parsed[] {
  try {
    return liquid().parse(text);
  } catch (error) {
    throw unusable(wordsOf(error));
  }
}

/** The chains of names that begin with a variable of ours, as far as they are written out. */
const readsOf = (parsed: Parsed[]): string[][] =>
  liquid()
    .globalVariableSegmentsSync(parsed)
    .map((segments) => {
      const end = segments.findIndex((segment) => typeof segment === "object");
      return segments.slice(0, end === -1 ? segments.length : end).map(String);
    });

/** The same template, in which all that is put in and is not trusted goes through the filter `data`. */
function marked(text: string, trusted: readonly string[]): string {
  return new Tokenizer(text)
    .readTopLevelTokens()
    .map((token) => {
      const raw = token.getText();
      if (!("content" in token) || !raw.startsWith("{{")) return raw;
      const content = String(token.content).trim();
      const [head = ""] = /^[\w.[\]'"-]+/.exec(content) ?? [];
      if (isTrusted(raw, trusted) || /\|\s*inline\b/.test(content)) return raw;
      return `{{ ${content} | data: ${JSON.stringify(head.replaceAll(/["']/g, "") || "value")} }}`;
    })
    .join("");
}

/** Does all that is put in here come from trusted variables, or from trusted fields of them? */
const isTrusted = (output: string, trusted: readonly string[]): boolean =>
  readsOf(parse(output)).every((path) => trusted.some((name) => `${path.join(".")}.`.startsWith(`${name}.`)));

/** A number or a single word stands as it is; whatever could be read as an instruction is fenced. */
const asData = (value: unknown, name: string): unknown => {
  if (value === undefined || value === null || typeof value === "number" || typeof value === "boolean") return value;
  const text = asText(value);
  return WORD.test(text) ? text : `\n${fence(name, text)}\n`;
};

function render(parsed: Parsed[], values: Readonly<Record<string, unknown>>): string {
  try {
    return String(liquid().renderSync(parsed, values));
  } catch (error) {
    throw new Failure("GATE_FAILED", `a template cannot be filled in: ${wordsOf(error)}`, {
      hint: "Ask with {% if x.y %} whether a value is there before it is put in.",
    });
  }
}

function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/, line:(\d+), col:(\d+)$/, " (line $1, character $2)");
}

const unusable = (why: string): Failure =>
  new Failure("INVALID_INPUT", `the template cannot be used: ${why}`, {
    hint: "Write Liquid, such as `Write about {{ inputs.topic }}`.",
  });
