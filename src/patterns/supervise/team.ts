import { z } from "zod";
import { AgentRef, refName } from "../../core/agent.ts";
import { Failure } from "../../core/errors.ts";
import { fingerprint } from "../../core/fingerprint.ts";
import type { Limits } from "../../core/limits.ts";
import type { Outline } from "../../core/outline.ts";
import { listed } from "../../core/texts.ts";
import { distinctNames } from "../parts.ts";
import { decisionPrompt } from "./decide.ts";
import { newLedger, type Team } from "./ledger.ts";

/** A team as it is asked for. */
export const SuperviseInput = z.strictObject({
  task: z.string().min(1),
  supervisor: AgentRef,
  workers: z.array(AgentRef).min(1).max(100),
  max_turns: z.int().min(1).max(100).optional().describe("Default 10"),
  synthesiser: AgentRef.optional().describe("Writes the answer; default: the supervisor"),
});
type Input = z.output<typeof SuperviseInput>;

const TURNS = 10;

/** The team with everything that was left unsaid; each worker has a name of its own. */
export function teamOf({ task, supervisor, workers, max_turns = TURNS, synthesiser }: Input, { width }: Limits): Team {
  const names = distinctNames(workers);
  const team = workers.map((ref, index) => ({ name: names[index] ?? refName(ref), ref }));
  return { task, supervisor, workers: team, synthesiser, turns: max_turns, width };
}

/** Throws where two workers are the same, so that nobody could tell them apart. */
export function checkTeam({ workers }: Input): void {
  const prints = workers.map((ref) => fingerprint(typeof ref === "string" ? { agent: ref } : ref));
  const twice = workers.find((_, index) => prints.indexOf(prints[index] ?? "") < index);
  if (twice === undefined) return;
  throw new Failure("INVALID_INPUT", `two workers are the same: ${listed([refName(twice)])}`, {
    hint: "Name each once: a worker may be given several assignments at once. Or give them different `instructions`.",
  });
}

/**
 * The supervisor; its workers, to any of whom any of the work may go; the ledger, which bounds what is read of their
 * outputs; and whoever writes the answer.
 */
export function outlineTeam(input: Input, limits: Limits): Outline {
  const team = teamOf(input, limits);
  const { supervisor, synthesiser, workers, turns, width } = team;
  const names = workers.map(({ name }) => name);
  const [leader = "", ledger = "", answer = ""] = distinctNames(["supervisor", "ledger", "answer"], names);
  const bytes = Buffer.byteLength(decisionPrompt(team, newLedger()));
  const call = { kind: "call" as const, reads: [ledger], bytes };
  const work = { after: [leader], reads: [leader, ledger], least: 1, most: turns * width, bytes: 0, parallel: true };
  const closer = { agent: synthesiser ?? supervisor, least: synthesiser === undefined ? 0 : 1 };
  return {
    steps: [
      { ...call, name: leader, agent: supervisor, after: [], least: 2, most: turns },
      ...workers.map(({ name, ref }) => ({ ...call, ...work, name, agent: ref })),
      { ...work, name: ledger, kind: "code", after: names, reads: names, most: turns, back: leader },
      { ...call, ...closer, name: answer, after: [ledger], most: 1 },
    ],
  };
}
