import { z } from "zod";
import { FENCE_RULE } from "../../core/fence.ts";
import type { RunContext } from "../../core/pattern.ts";
import { counted, cut, listed, paragraphs, quoted } from "../../core/texts.ts";
import { nameShape } from "../names.ts";
import { entryTexts, type Ledger, succeeded, type Team, type Worker } from "./ledger.ts";

/** What the supervisor decides in one turn, and when that was remembered. */
export interface Decision extends Said {
  readonly at: number;
}

interface Said {
  readonly done: boolean;
  readonly answer?: string | null | undefined;
  readonly assignments?: readonly Assignment[] | null | undefined;
  readonly reason: string;
}

/** Work as the supervisor gives it out. */
export interface Assignment {
  readonly worker: string;
  readonly task: string;
  readonly reads?: readonly number[] | null | undefined;
}

const LEAD = paragraphs(
  "You lead a team and do none of its work yourself. Each turn you decide one thing. Can the task be answered from what is there? " +
    "Then set `done` and give the whole `answer`. Else give out work: each assignment names a worker and a task that says all it " +
    "needs to know, for it sees nothing but its task and the outputs of the complete assignments that it `reads`. The assignments " +
    "of one turn are done at the same time and know nothing of each other, so give several where none depends on another. " +
    "Do not give the same work again: where one failed or fell short, change its task or its worker.",
  FENCE_RULE,
);
const SHOWN = { all: 48_000, one: 6000 };
const ABOUT_SHOWN = 200;

/** The supervisor sees the task, its workers and the ledger, and decides. */
export async function decide(ctx: RunContext, team: Team, ledger: Ledger): Promise<Decision> {
  const { output, at } = await ctx.call(team.supervisor, {
    name: "supervisor",
    prompt: decisionPrompt(team, ledger),
    brief: LEAD,
    shape: decisionShape(team, ledger),
    closing: true,
  });
  return { ...output, at };
}

/** What the supervisor is asked in this turn. */
export function decisionPrompt({ task, workers, turns, width }: Team, { turn, entries, notes }: Ledger): string {
  const end =
    turn < turns ? `After turn ${turns} it must be answered.` : "It is the last one: after it, it must be answered.";
  return paragraphs(
    `# Task\n\n${task}`,
    `# Workers\n\n${workers.map(workerLine).join("\n")}`,
    entries.length > 0 ? "# Assignments so far" : undefined,
    ...entryTexts(entries, SHOWN),
    ...notes.map((note) => quoted("# About your last turn", "note", note)),
    `This is turn ${turn} of ${turns}. ${end} Give at most ${counted(width, "assignment")} in one turn.`,
  );
}

function workerLine({ name, ref }: Worker): string {
  const about = typeof ref === "string" ? undefined : ref.instructions;
  return `- ${listed([name])}${about === undefined ? "" : `: ${cut(about.replace(/\s+/g, " "), ABOUT_SHOWN)}`}`;
}

const READS = z.array(z.int()).nullish().describe("Ids of the complete assignments whose outputs it is shown");

/** Nothing can be read where nothing is complete. */
function decisionShape({ workers }: Team, ledger: Ledger): z.ZodType<Said> {
  const work = {
    worker: nameShape(workers.map(({ name }) => name)),
    task: z.string().min(1).describe("All it needs to know"),
  };
  return z.object({
    done: z.boolean(),
    answer: z.string().nullish().describe("If done: the whole answer to the task"),
    assignments: z.array(z.object(succeeded(ledger).length > 0 ? { ...work, reads: READS } : work)).nullish(),
    reason: z.string().describe("Why, in a sentence"),
  });
}
