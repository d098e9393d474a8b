import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { Guard } from "../../core/guards.ts";
import type { Answer, RunContext } from "../../core/pattern.ts";
import type { ToolUse } from "../../core/provider.ts";
import { paragraphs, quoted } from "../../core/texts.ts";
import type { Talk } from "./course.ts";
import { CHECKS, type Checked, type CheckInput } from "./guard-deed.ts";
import type { Means } from "./kit.ts";

/** What an agent that guards says. */
const VERDICT = {
  type: "object",
  properties: { passes: { type: "boolean" }, reason: { type: "string" } },
  required: ["passes", "reason"],
  additionalProperties: false,
} as const;

/** The task as it may be put to the agent. Fails where a check of its input does not let it pass. */
export async function checkTask({ ctx, spec, task }: Talk): Promise<string> {
  const { input_schema, guards } = spec;
  const shape: Guard[] = input_schema ? [{ schema: input_schema }] : [];
  return String(await pass(ctx, "input", [...shape, ...(guards?.input ?? [])], task.prompt, spec.name));
}

/** The answer as it may be given, or why it may not. */
export async function checkAnswer(
  { ctx, spec }: Talk,
  answer: unknown,
): Promise<{ readonly answer: unknown } | { readonly failure: Failure }> {
  try {
    return { answer: await pass(ctx, "output", spec.guards?.output ?? [], answer, spec.name) };
  } catch (error) {
    const failure = Failure.from(error);
    if (failure.code !== "GUARD_FAILED") throw failure;
    return { failure };
  }
}

/** Why a tool may not be called so; undefined where it may. */
export async function checkUse(
  { spec }: Talk,
  branch: RunContext,
  means: Means,
  { name, arguments: given }: ToolUse,
): Promise<string | undefined> {
  const guards = spec.guards?.tools ?? [];
  if (guards.length === 0) return undefined;
  const tool = means.is === "tool" ? `${means.offered.server}/${means.offered.tool}` : name;
  try {
    await pass(branch, "tool", guards, { tool, arguments: given }, spec.name);
    return undefined;
  } catch (error) {
    const failure = Failure.from(error);
    if (failure.code !== "GUARD_FAILED") throw failure;
    return `This call was not made: ${failure.message}. Do not try it in another way.`;
  }
}

const WAY_OUT = {
  input: "Ask it in another way, or change its definition: `guards.input`, `input_schema`.",
  output: "It was told so and could mend it once. Say in its instructions what is wanted, or change `guards.output`.",
  tool: "Its definition says so: `guards.tools`.",
} as const;

/** Each check is a step of its own. Gives the subject as the checks leave it. */
async function pass(
  ctx: RunContext,
  what: CheckInput["what"],
  guards: readonly Guard[],
  subject: unknown,
  agent: string,
): Promise<unknown> {
  let now = subject;
  for (const guard of guards) {
    const { problem, changed } = await check(ctx, what, guard, now);
    if (problem !== undefined)
      throw new Failure("GUARD_FAILED", `the ${what} of ${agent} does not pass a check: ${problem}`, {
        agent,
        hint: WAY_OUT[what],
      });
    if (changed !== undefined) now = changed;
  }
  return now;
}

async function check(ctx: RunContext, what: CheckInput["what"], guard: Guard, subject: unknown): Promise<Checked> {
  if (!("agent" in guard)) {
    const input: CheckInput = { what, guard, subject };
    return (await ctx.act(`check_${what}`, { does: CHECKS, input })) as Checked;
  }
  const prompt = paragraphs(
    `Judge whether what follows passes this rule: ${guard.criteria}`,
    FENCE_RULE,
    quoted(`The ${what}:`, what, subject),
  );
  const answer: Answer<unknown> = await ctx.call(guard.agent, { name: `check_${what}`, prompt, shape: VERDICT });
  const { passes, reason } = answer.output as { passes: boolean; reason: string };
  return passes ? {} : { problem: reason };
}
