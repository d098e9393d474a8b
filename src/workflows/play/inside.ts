import type { z } from "zod";
import { Failure } from "../../core/errors.ts";
import type { Pattern } from "../../core/pattern.ts";
import { withRule } from "./agent.ts";
import { boundsOf } from "./bounds.ts";
import type { Doing, Done, Draft, Workshop } from "./scene.ts";

/** A pattern of Baton's, one level deeper. */
export function patternDoing({ name, node, parts }: Draft, { patterns }: Workshop): Doing {
  const pattern = patterns.get(node.pattern ?? "");
  if (!pattern) throw unknown(node.pattern ?? "", [...patterns.keys()]);
  const fill = parts.fill(["with"], node.with ?? {});
  const options = { name, ...boundsOf(node) };
  return async (ctx, { all }) => {
    const input = inputOf(pattern, subjectFenced(pattern, fill(all) as Record<string, unknown>));
    pattern.check?.(input, ctx.limits);
    return { output: await ctx.run(pattern, input, options) };
  };
}

/** Marks mean nothing to whoever was not told what they mean. */
function subjectFenced({ subject }: Pattern, filled: Record<string, unknown>): Record<string, unknown> {
  return Object.hasOwn(filled, subject) ? { ...filled, [subject]: ruled(filled[subject]) } : filled;
}

const ruled = (value: unknown): unknown => (typeof value === "string" ? withRule(value) : value);

function inputOf(pattern: Pattern, filled: unknown): unknown {
  const { success, data, error } = pattern.input.safeParse(filled);
  if (success) return data;
  throw new Failure("INVALID_INPUT", `this is no input of ${pattern.name}: ${words(error)}`, {
    hint: "Mend `with`, or the values that it takes from other nodes.",
  });
}

const words = (error: z.ZodError): string =>
  error.issues
    .slice(0, 5)
    .map(({ path, message }) => (path.length > 0 ? `${path.map(String).join(".")}: ${message}` : message))
    .join("; ");

const unknown = (name: string, known: readonly string[]): Failure =>
  new Failure("INVALID_WORKFLOW", `there is no pattern ${JSON.stringify(name)}; there are ${known.join(", ")}`);

/** A saved workflow, one level deeper. */
export function workflowDoing({ name, node, parts }: Draft, { workflow }: Workshop): Doing {
  const fills = Object.entries(node.inputs ?? {}).map(([key, written]) => ({
    key,
    plain: parts.fill(["inputs", key], written),
    asPrompt: parts.fill(["inputs", key], written, true),
  }));
  const options = { name, ...boundsOf(node) };
  const saved = node.workflow ?? "";
  return async (ctx, { all }) => {
    // What says what to do stands in prompts as it is, so that what others said is marked in it already.
    const subject = ctx.workflow(saved)?.subject;
    const inputs = fills.map(({ key, plain, asPrompt }) => [key, key === subject ? ruled(asPrompt(all)) : plain(all)]);
    const input = { name: saved, inputs: Object.fromEntries(inputs) };
    return (await ctx.run(workflow, input, options)) as Done;
  };
}
