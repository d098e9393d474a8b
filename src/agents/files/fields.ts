import { z } from "zod";
import { AgentSpec } from "../../core/agent.ts";
import { type Misfit, misfits } from "../../core/check.ts";
import { compileCondition } from "../../core/condition.ts";
import { Failure } from "../../core/errors.ts";
import { checkShape } from "../../core/shape.ts";
import type { FieldWord } from "./words.ts";

/** A name is free but for what would make it a path, a version or unreadable. */
export const isName = (name: string): boolean =>
  name.length <= 100 && name === name.trim() && name !== "__proto__" && /^[^/@\p{C}]+$/u.test(name);

/** Behind an `@` it must stand as one word. */
const isTag = (tag: string): boolean => /^[^\s/@\p{C}]{1,50}$/u.test(tag);

const Tag = z
  .union([z.string(), z.number()])
  .transform(String)
  .refine(isTag, "a version is a word of at most 50 characters, such as 1.2.0");

const OneOrMore = z.union([z.string(), z.array(z.string())]);

const Searches = z.union([
  z.boolean(),
  z.string().max(40),
  z.int().min(0).max(50),
  z.strictObject({ max_uses: z.int().positive().max(50) }),
]);

/** Something that is used only when it is too late to say that it is wrong. */
const usable = <T>(check: (value: T) => unknown) =>
  function look(value: T, context: z.core.$RefinementCtx<T>) {
    try {
      check(value);
    } catch (error) {
      context.addIssue({ code: "custom", message: Failure.from(error).message });
    }
  };

const Schema = z.record(z.string(), z.unknown()).superRefine(usable(checkShape));

type Guards = NonNullable<AgentSpec["guards"]>;

const checkGuards = ({ input, output, tools }: Guards): void => {
  const read = (guards: Guards["input"], variables: readonly string[]) => {
    for (const guard of guards) {
      if ("when" in guard) compileCondition(guard.when, variables);
      if ("schema" in guard) checkShape(guard.schema);
    }
  };
  read(input, ["text", "value"]);
  read(output, ["text", "value"]);
  read(tools, ["tool", "arguments"]);
};

/** What is our own in a file that other hosts read too. No other name may stand there. */
export const Own = AgentSpec.pick({
  max_output_tokens: true,
  temperature: true,
  first_token_seconds: true,
  idle_seconds: true,
  call_seconds: true,
  concurrency: true,
  retry: true,
  cache: true,
  max_usd: true,
  effort: true,
  max_turns: true,
  consult: true,
  scratchpad: true,
  memory: true,
  tool_output_bytes: true,
  tool_errors: true,
  guards: true,
  function: true,
})
  .partial()
  .extend({
    guards: AgentSpec.shape.guards.unwrap().superRefine(usable(checkGuards)).optional(),
    input_schema: Schema.optional(),
    output_schema: Schema.optional(),
    model: OneOrMore.optional(),
    fallbacks: OneOrMore.optional(),
    tools: OneOrMore.optional(),
    approve: OneOrMore.optional(),
    web_search: Searches.optional(),
    version: Tag.optional(),
    tag: Tag.optional(),
  });
export type Own = z.output<typeof Own>;

const Words = z.union([z.string(), z.array(z.string()), z.record(z.string(), z.unknown())]);
const Count = z.union([z.int().positive(), z.string().regex(/^[1-9]\d{0,8}$/, "expected a number above 0")]);
const Amount = z.union([z.number().positive(), z.string().regex(/^\d{1,6}(\.\d+)?$/, "expected a number above 0")]);
const Flag = z.union([z.boolean(), z.enum(["true", "false"])]);

/** What may stand in a field, by what it is to us. */
const SHAPES = {
  own: Own,
  name: z.string().refine(isName, "a name has at most 100 characters, no `/`, no `@` and no spaces at its ends"),
  description: z.string(),
  version: Tag,
  told: z.string(),
  model: OneOrMore,
  fallbacks: OneOrMore,
  tools: Words,
  denied: Words,
  permission: z.union([z.string(), z.record(z.string(), z.unknown()), z.array(z.record(z.string(), z.unknown()))]),
  servers: z.union([
    z.string(),
    z.array(z.union([z.string(), z.record(z.string(), z.unknown())])),
    z.record(z.string(), z.unknown()),
  ]),
  consult: OneOrMore,
  effort: z.union([z.string(), z.number()]).transform(String),
  turns: Count.transform(Number),
  minutes: Amount.transform(Number),
  temperature: z.number().min(0).max(2),
  read_only: Flag.transform(String),
  posture: z.string(),
  search: Searches,
  isolation: z.string(),
  off: Flag.transform(String),
  kind: z.string(),
} satisfies Record<FieldWord, z.ZodType>;

type Shapes = typeof SHAPES;

/** What is wrong with the value of a field. */
export const misfitsOf = (word: FieldWord, value: unknown): Misfit[] => misfits(SHAPES[word], value);

/** The value of a field whose file fits its shape. */
export function readAs<W extends FieldWord>(word: W, value: unknown): z.output<Shapes[W]> {
  return SHAPES[word].parse(value) as z.output<Shapes[W]>;
}
