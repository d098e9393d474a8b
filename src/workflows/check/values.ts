import { Failure } from "../../core/errors.ts";
import type { JsonSchema } from "../../core/provider.ts";
import { checkShape, misfit } from "../../core/shape.ts";
import type { Definition } from "../definition.ts";
import { inputSchema } from "../inputs.ts";
import type { Anatomy } from "../levels.ts";
import type { Finding } from "../problems.ts";
import type { Path } from "../references.ts";

type StateKey = NonNullable<Definition["state"]>[string];

/** Schemas that are none, and defaults that do not fit theirs. */
export function checkValues({ definition, sites }: Anatomy): Finding[] {
  const { inputs = {}, state = {} } = definition;
  return [
    ...Object.entries(inputs).flatMap(([name, input]) => fitting(["inputs", name], inputSchema(input), input.default)),
    ...Object.entries(state).flatMap(([name, key]) => stateKey(["state", name], key)),
    ...sites.flatMap(({ path, node }) =>
      node.output_schema ? unusable([...path, "output_schema"], node.output_schema) : [],
    ),
  ];
}

function unusable(path: Path, schema: JsonSchema): Finding[] {
  try {
    checkShape(schema);
    return [];
  } catch (error) {
    if (error instanceof Failure) return [{ path, message: error.message }];
    throw error;
  }
}

function fitting(path: Path, schema: JsonSchema, value: unknown): Finding[] {
  const wrong = unusable(path, schema);
  if (wrong.length > 0 || value === undefined) return wrong;
  const why = misfit(value, schema);
  return why === undefined ? [] : [{ path: [...path, "default"], message: `the default does not fit: ${why}` }];
}

const TYPING = ["type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf"];

/** The kinds of values that each way of merging is for. */
const MERGED = {
  append: ["array"],
  union: ["array"],
  sum: ["number", "integer"],
  max: ["number", "integer"],
  min: ["number", "integer"],
  merge: ["object"],
} as const satisfies Record<NonNullable<StateKey["merge"]>, readonly string[]>;

function stateKey(path: Path, key: StateKey): Finding[] {
  const { default: first, merge, ...schema } = key;
  if (!TYPING.some((word) => word in schema)) {
    const message = `\`${path.at(-1)}\` has no type, so nobody can tell what may be written to it`;
    return [{ path, named: true, message, hint: "say one, such as `type: string`" }];
  }
  const types: readonly string[] = merge ? MERGED[merge] : [];
  const type = schema["type"];
  if (!merge || typeof type !== "string" || types.includes(type)) return fitting(path, schema, first);
  const message = `\`merge: ${merge}\` is for ${types.map((one) => `type: ${one}`).join(" or ")}, and this is ${type}`;
  return [{ path: [...path, "merge"], message }];
}
