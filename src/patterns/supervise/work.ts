import { billOf } from "../../core/bill.ts";
import { endsRun, Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { RunContext, Settled } from "../../core/pattern.ts";
import { nthName } from "../../core/place.ts";
import { asText, cut, paragraphs, quoted } from "../../core/texts.ts";
import { NO_USAGE } from "../../core/usage.ts";
import { problemOf } from "../parts.ts";
import { type Entry, entryTexts, type Given, type Ledger, shareOf, succeeded, type Team } from "./ledger.ts";
import type { Job } from "./sift.ts";

/** How much whoever works on outputs is shown of them: far more than whoever only decides. */
const SHOWN = { all: 200_000, one: 60_000 };

/** Does the work of one turn, all of it at once. The limit that stops the run comes back, if one was met. */
export async function work(
  ctx: RunContext,
  team: Team,
  ledger: Ledger,
  jobs: readonly Job[],
): Promise<Failure | undefined> {
  if (jobs.length === 0) return undefined;
  const settled = await ctx.map(
    jobs,
    async (job, branch) => {
      const { output, usage, at } = await branch.call<unknown>(job.worker.ref, {
        name: job.worker.name,
        ...workPrompt(job, ledger),
      });
      return { output, usage, at };
    },
    { join: { kind: "settle" }, closing: team.synthesiser ?? team.supervisor },
  );
  const first = ledger.entries.length + 1;
  const entries = jobs.map((job, index) => entryOf(job, first + index, ledger.turn, settled[index]));
  const map = nthName("map", 1 + new Set(ledger.entries.map(({ turn }) => turn)).size);
  const given = jobs.map((job, index) => givenTo(job, first + index, `${map}/${index}`, settled[index]));
  ledger.entries = [...ledger.entries, ...entries];
  ledger.given = [...ledger.given, ...given];
  const failures = settled.flatMap((result) => (result.ok ? [] : [Failure.fromInfo(result.error)]));
  return failures.find(endsRun);
}

/** A worker sees its own task and what it reads, and nothing else. */
function workPrompt({ task, reads }: Job, { entries }: Ledger): { readonly prompt: string; readonly brief?: string } {
  const read = entries.filter(({ id }) => reads.includes(id));
  if (read.length === 0) return { prompt: task };
  const most = shareOf(SHOWN, read.length);
  const parts = read.map(({ id, worker, output }) =>
    quoted(`# From assignment ${id}`, worker, cut(asText(output), most)),
  );
  return { prompt: paragraphs(`# Task\n\n${task}`, ...parts), brief: FENCE_RULE };
}

type Made = { readonly output: unknown; readonly usage: Parameters<typeof billOf>[0]; readonly at: number };

function entryOf({ worker, task, reads, print }: Job, id: number, turn: number, result?: Settled<Made>): Entry {
  const about = { id, turn, worker: worker.name, task, reads, print };
  if (!result) throw new Failure("BUG", `assignment ${id} has not ended`);
  if (result.ok)
    return { ...about, status: "succeeded", output: result.value.output, usage: billOf(result.value.usage) };
  return { ...about, status: "failed", error: problemOf(result.error), usage: billOf(result.usage ?? NO_USAGE) };
}

/** Whom a limit of the run has kept from being asked has received nothing. */
function givenTo({ worker: { name }, at }: Job, id: number, branch: string, result?: Settled<Made>): Given {
  const step = `${branch}/${nthName(name, 1)}`;
  if (result?.ok) return { id, worker: name, at, step, done_at: result.value.at };
  return { id, worker: name, at, ...(result && !endsRun(Failure.fromInfo(result.error)) && { step }) };
}

/** How the turns came to their end: with an answer, or with none and why. */
export interface End {
  readonly answer?: string;
  readonly reason?: string;
  /** Why it ended before the supervisor was done. */
  readonly early?: string;
}

const CLOSE = paragraphs(
  "Answer the task, whole, from the outputs that you are given. Say nothing twice; put what matters most first. Where they contradict " +
    "each other, decide by what they give as grounds, and say so. Where something that matters is missing, say that it is missing.",
  FENCE_RULE,
);

/** The answer to the task: the supervisor's own, or one made of the outputs; null where nobody could make one any more. */
export async function answerOf(ctx: RunContext, team: Team, ledger: Ledger, end: End): Promise<string | null> {
  const { answer, early } = end;
  const isMade = answer !== undefined && (team.synthesiser === undefined || succeeded(ledger).length === 0);
  if (isMade) return answer;
  if (early !== undefined) ctx.degrade(early);
  ctx.tell("making the answer");
  try {
    const { output } = await ctx.call(team.synthesiser ?? team.supervisor, {
      name: "answer",
      prompt: paragraphs(`# Task\n\n${team.task}`, "# What was done", ...entryTexts(ledger.entries, SHOWN)),
      brief: CLOSE,
      closing: true,
    });
    return output;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const kept = answer ?? null;
    if (kept === null && !(endsRun(error) && succeeded(ledger).length > 0)) throw error;
    ctx.degrade(`the answer could not be made of the outputs: ${error.code} ${error.message}`);
    return kept;
  }
}
