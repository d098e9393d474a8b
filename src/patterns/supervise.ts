import { z } from "zod";
import { Bill } from "../core/bill.ts";
import { endsRun, Failure } from "../core/errors.ts";
import { definePattern, type RunContext } from "../core/pattern.ts";
import { counted } from "../core/texts.ts";
import { overlapping, tooFew } from "./advice.ts";
import { Problem } from "./parts.ts";
import { type Decision, decide } from "./supervise/decide.ts";
import { type Ledger, newLedger, succeeded, type Team } from "./supervise/ledger.ts";
import { Giving, givings } from "./supervise/messages.ts";
import { accepted, isFinal, type Misfit, misfitOf, misunderstood } from "./supervise/sift.ts";
import { checkTeam, outlineTeam, SuperviseInput, teamOf } from "./supervise/team.ts";
import { answerOf, type End, work } from "./supervise/work.ts";

const Output = z.object({
  output: z.string().nullable().describe("The answer; null: a limit came before it"),
  turns: z.int(),
  assignments: z.array(
    z.object({
      id: z.int(),
      turn: z.int(),
      worker: z.string(),
      task: z.string(),
      reads: z.array(z.int()).optional(),
      status: z.enum(["succeeded", "failed"]),
      output: z.unknown().optional(),
      error: Problem.optional(),
      usage: Bill,
    }),
  ),
  reason: z.string().optional().describe("Why the supervisor was done"),
  messages: z.array(Giving).describe("How the assignments went to their workers"),
});

/** A supervisor decides who does what; giving it out, keeping track of it and joining it is the code's affair. */
export const supervise = definePattern({
  name: "supervise",
  version: 1,
  title: "Supervise a team",
  description:
    "A supervisor gives out work to named workers, several at once, turn by turn, until it can answer. Use it where the " +
    "next step depends on what was found. Not for known stages (run_pipeline) or a plan made beforehand (plan_and_execute).",
  input: SuperviseInput,
  output: Output,
  subject: "task",
  agents: ({ supervisor, workers, synthesiser }) => [
    supervisor,
    ...workers,
    ...(synthesiser === undefined ? [] : [synthesiser]),
  ],
  check: checkTeam,
  outline: outlineTeam,
  advice: ({ workers }, who) => [...tooFew(workers.length, "worker"), ...overlapping(workers, who)],

  async run(ctx, input) {
    const team = teamOf(input, ctx.limits);
    const ledger = newLedger();
    let end: End | undefined;
    while (!end && ledger.turn < team.turns) end = await takeTurn(ctx, team, ledger);
    end ??= { early: `ended after ${counted(team.turns, "turn")}, before the supervisor was done` };
    const output = await answerOf(ctx, team, ledger, end);
    const assignments = ledger.entries.map(({ print: _, reads, ...entry }) => ({
      ...entry,
      ...(reads.length > 0 && { reads: [...reads] }),
    }));
    const reason = end.reason !== undefined && { reason: end.reason };
    return { output, turns: ledger.turn, assignments, ...reason, messages: givings(ledger.given) };
  },
});

/** One decision and the work that follows from it; an end, once there is nothing more to decide. */
async function takeTurn(ctx: RunContext, team: Team, ledger: Ledger): Promise<End | undefined> {
  ledger.turn++;
  ctx.tell(`turn ${ledger.turn} of at most ${team.turns}`);
  try {
    const decision = await decided(ctx, team, ledger);
    if ("words" in decision) {
      misunderstood(ledger, decision);
      return undefined;
    }
    const { answer, reason } = decision;
    if (isFinal(decision, ledger)) return { reason, ...(answer?.trim() && { answer }) };
    const jobs = accepted(decision, team, ledger);
    ctx.tell(`turn ${ledger.turn}: ${counted(jobs.length, "assignment")}`);
    const limit = await work(ctx, team, ledger, jobs);
    return limit && stopped(ledger, limit);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return stopped(ledger, error);
  }
}

/** What the supervisor decides, or why that cannot be followed. */
async function decided(ctx: RunContext, team: Team, ledger: Ledger): Promise<Decision | Misfit> {
  try {
    const decision = await decide(ctx, team, ledger);
    return misfitOf(decision, team, ledger) ?? decision;
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "BAD_OUTPUT") throw error;
    return { code: error.code, words: error.message };
  }
}

/** A limit ends the turns, and what is done is kept; any other failure, and one that leaves nothing, ends the run. */
function stopped(ledger: Ledger, failure: Failure): End {
  if (!endsRun(failure) || succeeded(ledger).length === 0) throw failure;
  return { early: `stopped in turn ${ledger.turn}: ${failure.message}` };
}
