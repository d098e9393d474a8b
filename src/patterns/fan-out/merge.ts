import type { AgentRef } from "../../core/agent.ts";
import { Failure } from "../../core/errors.ts";
import type { Answer, RunContext } from "../../core/pattern.ts";
import { paragraphs } from "../../core/texts.ts";
import { type Branch, MERGE, mergePrompt, worthOf } from "./branches.ts";
import { type Conflict, conflictNotes } from "./conflicts.ts";
import type { Finding } from "./findings.ts";

/** What there is to merge. */
interface Material {
  readonly branches: readonly Branch[];
  readonly conflicts: readonly Conflict[];
  readonly findings: readonly Finding[] | undefined;
}

/** What is paid for is kept: where the merge fails, the branches are the result, and it says so. */
export async function merge(
  ctx: RunContext,
  task: string,
  aggregator: AgentRef,
  { branches, conflicts, findings }: Material,
): Promise<string | undefined> {
  if (!branches.some((branch) => worthOf(branch) !== "nothing")) {
    ctx.degrade("nothing to merge: every answer is empty");
    return undefined;
  }
  ctx.tell("merging the answers");
  try {
    const prompt = paragraphs(mergePrompt(task, branches, findings), conflictNotes(conflicts));
    const question = { prompt, brief: MERGE, closing: true };
    const answer: Answer = await ctx.call(aggregator, question);
    return answer.output;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    ctx.degrade(`the answers could not be merged: ${error.code} ${error.message}`);
    return undefined;
  }
}
