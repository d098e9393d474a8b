import { Failure } from "../core/errors.ts";
import type { JsonSchema } from "../core/provider.ts";
import { misfit } from "../core/shape.ts";
import type { Definition } from "./definition.ts";
import { instead } from "./problems.ts";

type Input = NonNullable<Definition["inputs"]>[string];
type Declared = Pick<Definition, "inputs" | "on">;

/** What an input must be, without what is said of its absence. */
export const inputSchema = ({ default: _, required: __, ...schema }: Input): JsonSchema => schema;

/** Whether a caller must give it. */
export const isNeeded = (input: Input): boolean => input.default === undefined && input.required !== false;

/** All inputs of a workflow as one JSON Schema. */
export function inputsSchema({ inputs = {}, on }: Declared): JsonSchema {
  const properties = Object.entries(inputs).map(([name, { required: _, ...schema }]) => [name, schema] as const);
  const event = on ? [["event", { type: "object", description: "The event that starts it" }] as const] : [];
  return {
    type: "object",
    properties: Object.fromEntries([...properties, ...event]),
    required: Object.keys(inputs).filter((name) => inputs[name] && isNeeded(inputs[name])),
    additionalProperties: false,
  };
}

/** The input that gets the task where the workflow stands as an agent; undefined where it cannot. */
export function subjectOf({ inputs = {} }: Declared): string | undefined {
  if (isText(inputs["task"])) return "task";
  const texts = Object.keys(inputs).filter((name) => isText(inputs[name]));
  const needed = texts.filter((name) => inputs[name] && isNeeded(inputs[name]));
  const [only, another] = needed.length > 0 ? needed : texts;
  return another === undefined ? only : undefined;
}

const isText = (input: Input | undefined): boolean => input?.type === "string";

/**
 * What a workflow is played with: what its caller gave, and the defaults of the rest; null where neither is. Throws
 * INVALID_INPUT with everything that is wrong.
 */
export function readInputs(definition: Declared, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { inputs = {}, on } = definition;
  const names = [...Object.keys(inputs), ...(on ? ["event"] : [])];
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  const problems = [
    ...said.flatMap(([name]) => (names.includes(name) ? [] : unknown(name, names))),
    ...Object.entries(inputs).flatMap(([name, input]) => wrongInput(name, input, ownOf(given, name))),
  ];
  if (problems.length > 0)
    throw new Failure("INVALID_INPUT", `the inputs do not fit: ${problems.join("; ")}`, { hint: takes(inputs) });
  return Object.fromEntries(names.map((name) => [name, ownOf(given, name) ?? inputs[name]?.default ?? null]));
}

const ownOf = (given: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(given, name) ? given[name] : undefined;

function unknown(name: string, names: readonly string[]): string[] {
  const { hint } = instead(name, names);
  return [`there is no input \`${name}\`${hint === undefined ? "" : `; ${hint}`}`];
}

function wrongInput(name: string, input: Input, value: unknown): string[] {
  if (value === undefined) return isNeeded(input) ? [`\`${name}\` is missing`] : [];
  const why = misfit(value, inputSchema(input));
  return why === undefined || (value === null && input.required === false) ? [] : [`\`${name}\`: ${why}`];
}

/** The inputs there are, in one sentence. */
function takes(inputs: NonNullable<Definition["inputs"]>): string {
  const told = Object.entries(inputs).map(
    ([name, input]) => `${name}${isNeeded(input) ? "" : "?"}: ${input.type ?? "any"}`,
  );
  return told.length === 0 ? "This workflow takes no inputs." : `It takes {${told.join(", ")}}.`;
}
