import { type Code, Failure } from "../../core/errors.ts";
import { stallOf, stateOf } from "../../core/stalls.ts";
import { counted, cut, listed } from "../../core/texts.ts";
import { nameMeant, noSuchName } from "../names.ts";
import type { Assignment, Decision } from "./decide.ts";
import { type Entry, type Ledger, succeeded, type Team, type Worker } from "./ledger.ts";

/** An assignment that can be done. */
export type Job = Pick<Entry, "task" | "reads" | "print"> & { readonly worker: Worker; readonly at: number };

/** Why a decision cannot be followed. */
export interface Misfit {
  readonly code: Code;
  readonly words: string;
}

/** An answer that comes together with the first work is a guess: the work is done first. */
export const isFinal = ({ done, assignments }: Decision, { entries }: Ledger): boolean =>
  done && (entries.length > 0 || !assignments?.length);

/** Why a decision cannot be followed; undefined where it can. */
export function misfitOf(decision: Decision, team: Team, ledger: Ledger): Misfit | undefined {
  const { answer, assignments } = decision;
  if (isFinal(decision, ledger)) {
    const isAnswered = Boolean(answer?.trim()) || (team.synthesiser !== undefined && succeeded(ledger).length > 0);
    return isAnswered ? undefined : { code: "BAD_OUTPUT", words: "it says that it is done and gives no `answer`" };
  }
  if (!assignments?.length) return { code: "BAD_OUTPUT", words: "it is not done, and gives out no assignment" };
  if (assignments.length > team.width) {
    const most = counted(team.width, "assignment");
    return { code: "BAD_OUTPUT", words: `it gives out ${assignments.length} assignments; one turn may give ${most}` };
  }
  return unknownWorker(assignments, team) ?? unknownRead(assignments, ledger);
}

function unknownWorker(assignments: readonly Assignment[], { workers }: Team): Misfit | undefined {
  const names = workers.map(({ name }) => name);
  const unknown = assignments.find(({ worker }) => nameMeant(worker, names) === undefined);
  return unknown && { code: "UNKNOWN_AGENT", words: noSuchName("worker", unknown.worker, names) };
}

function unknownRead(assignments: readonly Assignment[], ledger: Ledger): Misfit | undefined {
  const ids = succeeded(ledger).map(({ id }) => id);
  const unknown = assignments.flatMap(({ reads }) => reads ?? []).find((id) => !ids.includes(id));
  if (unknown === undefined) return undefined;
  const which = ids.length > 0 ? `complete are ${ids.join(", ")}` : "none is complete";
  return { code: "BAD_OUTPUT", words: `\`reads\` names ${unknown}, which is no complete assignment; ${which}` };
}

const MOST_LOST = 3;

/** The supervisor is told what was wrong, and its next turn must mend it; so many in a row end the run. */
export function misunderstood(ledger: Ledger, { code, words }: Misfit): void {
  ledger.lost++;
  ledger.notes = [`It could not be followed, and nothing was done: ${words}.`];
  if (ledger.lost < MOST_LOST) return;
  const kept = counted(ledger.entries.length, "finished assignment");
  throw new Failure(
    code,
    `the supervisor could not be followed in ${MOST_LOST} turns in a row: ${words}; kept: ${kept}`,
    {
      hint: "Name another supervisor, or say in the task more plainly what its workers are for.",
    },
  );
}

/** The assignments of a turn that are to be done; of the others the supervisor is told why they are not. */
export function accepted(decision: Decision, team: Team, ledger: Ledger): Job[] {
  const jobs = (decision.assignments ?? []).map((assignment) => jobOf(assignment, team, decision.at));
  ledger.lost = 0;
  watch(ledger, jobs);
  return jobs.filter((job, index) => {
    const refusal = repeats(job, ledger.entries, jobs.slice(0, index));
    if (refusal !== undefined) ledger.notes = [...ledger.notes, refusal];
    return refusal === undefined;
  });
}

function jobOf({ worker: word, task, reads }: Assignment, { workers }: Team, at: number): Job {
  const name = nameMeant(
    word,
    workers.map((each) => each.name),
  );
  const worker = workers.find((each) => each.name === name);
  if (!worker) throw new Failure("BUG", `an assignment for nobody: ${word}`);
  const read = [...new Set(reads ?? [])].sort((a, b) => a - b);
  return { worker, task, reads: read, at, print: stateOf("", worker.name, task, read.join()).print };
}

const MOST_TIMES = 2;

/** The same work again is refused once it has failed, or was done twice. */
function repeats({ worker, print }: Job, entries: readonly Entry[], beside: readonly Job[]): string | undefined {
  const before = entries.filter((entry) => entry.print === print);
  const failed = before.find(({ status }) => status === "failed");
  const who = listed([worker.name]);
  if (failed) {
    return `${who} has failed at this very task (assignment ${failed.id}) and was not asked again: change the task or the worker.`;
  }
  const times = before.length + beside.filter((job) => job.print === print).length;
  if (times < MOST_TIMES) return undefined;
  return `${who} was given this very task ${times} times and was not asked again: use what it made, or ask for something else.`;
}

const WORDS_SHOWN = 80;

/** A turn that asks for what was asked for before is warned of; another one right after it ends the run. */
function watch(ledger: Ledger, jobs: readonly Job[]): void {
  const words = jobs
    .map(({ worker, task }) => `${listed([worker.name])} ${listed([cut(task, WORDS_SHOWN)])}`)
    .join(" and ");
  ledger.asked = [...ledger.asked, stateOf(words, ...jobs.map(({ print }) => print).sort())];
  const verdict = stallOf(ledger.asked);
  if (verdict.is === "stop") {
    const kept = counted(ledger.entries.length, "finished assignment");
    throw new Failure(
      "STALLED",
      `the supervisor asks for the same again and again: ${verdict.evidence}; kept: ${kept}`,
      {
        hint: "Look in get_run_trace at what it was told; name another supervisor or other workers, or say in the task when it is done.",
      },
    );
  }
  ledger.notes =
    verdict.is === "warn"
      ? [
          `It asked for what was asked for before: ${verdict.evidence}. Ask for something else, or answer; once more ends the run.`,
        ]
      : [];
}
