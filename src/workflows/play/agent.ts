import { type AgentRef, refName } from "../../core/agent.ts";
import { endsRun, Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { RetryPolicy } from "../../core/limits.ts";
import type { RunContext, Task } from "../../core/pattern.ts";
import { asText, paragraphs } from "../../core/texts.ts";
import { bounded, boundsOf } from "./bounds.ts";
import type { Doing, Draft } from "./scene.ts";

/** One question to the agent; where it fails, to the next of `fallback`. What is put into its task is marked as data. */
export function agentDoing({ name, node, parts }: Draft): Doing {
  const task = parts.fill(["task"], node.task ?? "");
  const refs = agentsOf(node);
  const isShared = refs.length > 1;
  const bounds = boundsOf(node);
  const said: Omit<Task<unknown>, "prompt"> = {
    name,
    ...(node.output_schema && { shape: node.output_schema }),
    ...(node.retry && { retry: given(node.retry) }),
    ...(node.cache && { cache: node.cache }),
    ...(!isShared && bounds),
  };
  return async (ctx, spot) => {
    const prompt = asText(task(spot.all));
    const question: Task<unknown> = {
      ...said,
      prompt,
      ...(isFenced(prompt) && { brief: FENCE_RULE }),
      ...(spot.again && { cache: false as const }),
    };
    // A budget and a time that several agents share are around all of them.
    const output = await bounded(ctx, isShared ? bounds : {}, (inner) => askInTurn(inner, refs, question));
    return { output };
  };
}

/** Those that a node may ask, in order. */
export const agentsOf = ({ agent, instructions, fallback = [] }: Draft["node"]): AgentRef[] =>
  agent === undefined ? [] : [agent, ...fallback].map((ref) => instructed(ref, instructions));

const instructed = (ref: AgentRef, instructions: string | undefined): AgentRef =>
  instructions === undefined ? ref : { agent: refName(ref), instructions };

async function askInTurn(ctx: RunContext, refs: readonly AgentRef[], task: Task<unknown>): Promise<unknown> {
  for (const [index, ref] of refs.entries()) {
    try {
      return (await ctx.call<unknown>(ref, task)).output;
    } catch (error) {
      if (!(error instanceof Failure) || endsRun(error) || index === refs.length - 1) throw error;
    }
  }
  throw new Failure("BUG", "a node asks nobody");
}

const isFenced = (text: string): boolean => text.includes("<data-");

/** A text with marks in it, and what they mean. */
export const withRule = (text: string): string => (isFenced(text) ? paragraphs(text, FENCE_RULE) : text);

const given = (policy: { readonly [K in keyof RetryPolicy]?: RetryPolicy[K] | undefined }): Partial<RetryPolicy> =>
  Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
