import { Failure } from "./errors.ts";
import { listed } from "./texts.ts";

/** A way into a value, read from words such as `a.b[0].c` or `items[*].name`: a part of RFC 9535 that runs nothing. */
export interface JsonPath {
  readonly text: string;
  /** What stands there: one value, or a list where the path names several. Throws NOT_FOUND where nothing does. */
  read(value: unknown): unknown;
}

type Step =
  | { readonly does: "name"; readonly name: string }
  | { readonly does: "index"; readonly index: number }
  | { readonly does: "slice"; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly does: "all" };

const MOST_STEPS = 32;
const QUOTED = `"(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*'`;
const STEP = new RegExp(
  `(?:^|\\.)(?<name>[^\\s.[\\]"'()*?@$,:]+)|(?:^|\\.)(?<star>\\*)|\\[\\s*(?:(?<all>\\*)|(?<index>-?\\d+)|(?<from>-?\\d+)?:(?<to>-?\\d+)?|(?<quoted>${QUOTED}))\\s*\\]`,
  "y",
);

/** Reads a path; throws INVALID_INPUT where it is none, or one with filters, functions or `..`. */
export function compilePath(text: string): JsonPath {
  const steps = stepsOf(text);
  const isOne = steps.every(({ does }) => does === "name" || does === "index");
  return {
    text,
    read(value) {
      const found = steps.reduce<readonly unknown[]>(
        (here, step) => here.flatMap((each) => taken(each, step)),
        [value],
      );
      if (found.length === 0) throw nothingThere(text, steps, value);
      return isOne ? found[0] : found;
    },
  };
}

function stepsOf(text: string): readonly Step[] {
  const body = text
    .trim()
    .replace(/^\$(?=[.[]|$)/, "")
    .replace(/^\./, "");
  if (body.startsWith(".")) throw unreadable(text, body);
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < body.length) {
    const at = STEP.lastIndex;
    const { groups } = STEP.exec(body) ?? {};
    if (!groups || steps.length === MOST_STEPS) throw unreadable(text, body.slice(at));
    steps.push(stepOf(groups));
  }
  if (steps.length === 0 && text.trim() !== "$") throw unreadable(text, text);
  return steps;
}

function stepOf({ name, star, all, index, from, to, quoted }: Partial<Record<string, string>>): Step {
  if (name !== undefined) return { does: "name", name };
  if (star !== undefined || all !== undefined) return { does: "all" };
  if (index !== undefined) return { does: "index", index: Number(index) };
  if (quoted !== undefined) return { does: "name", name: quoted.slice(1, -1).replace(/\\(.)/g, "$1") };
  return {
    does: "slice",
    from: from === undefined ? undefined : Number(from),
    to: to === undefined ? undefined : Number(to),
  };
}

/** What a step leads to from here; nothing where it leads nowhere. Only a value's own parts are looked at. */
function taken(value: unknown, step: Step): readonly unknown[] {
  if (value === null || typeof value !== "object") return [];
  if (step.does === "name" && Array.isArray(value)) return [];
  if (step.does === "name")
    return Object.hasOwn(value, step.name) ? [(value as Record<string, unknown>)[step.name]] : [];
  if (step.does === "all") return Object.values(value);
  if (!Array.isArray(value)) return [];
  if (step.does === "slice") return value.slice(step.from, step.to);
  const item: unknown = value.at(step.index);
  return item === undefined ? [] : [item];
}

/** Says how far the path leads, and what there is. */
function nothingThere(text: string, steps: readonly Step[], value: unknown): Failure {
  let here: readonly unknown[] = [value];
  for (const step of steps) {
    const next = here.flatMap((each) => taken(each, step));
    if (next.length === 0) break;
    here = next;
  }
  return new Failure("NOT_FOUND", `the path ${JSON.stringify(text)} leads to nothing: ${describe(here[0])}`, {
    hint: 'Paths are written as `a.b[0].c`, `items[*].name` or `["a name"]`, from the top of the value.',
  });
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `there is a list of ${value.length}`;
  if (value === null || typeof value !== "object") return `there is ${value === null ? "null" : `a ${typeof value}`}`;
  const keys = Object.keys(value);
  return keys.length === 0 ? "there is an empty object" : `there is an object with ${listed(keys.slice(0, 12))}`;
}

const unreadable = (text: string, rest: string): Failure =>
  new Failure(
    "INVALID_INPUT",
    `the path ${JSON.stringify(text)} cannot be read at ${JSON.stringify(rest.slice(0, 40))}`,
    {
      hint: 'Write names, indexes, slices and `*`: `a.b[0].c`, `items[*].name`, `rows[0:3]`, `["a name"]`. Filters, functions and `..` are not read.',
    },
  );
