import { z } from "zod";
import { AgentRef, refName } from "../core/agent.ts";
import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Limits } from "../core/limits.ts";
import type { Outline } from "../core/outline.ts";
import { listed } from "../core/texts.ts";
import { distinctNames, freeName } from "./parts.ts";
import { decisionPrompt } from "./supervise-decide.ts";
import { newLedger, type Team } from "./supervise-ledger.ts";

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

/** The supervisor, its workers, to any of whom any of the work may go, and whoever writes the answer. */
export function outlineTeam(input: Input, limits: Limits): Outline {
  const team = teamOf(input, limits);
  const used = new Set(team.workers.map(({ name }) => name));
  const leader = freeName("supervisor", used);
  const bytes = Buffer.byteLength(decisionPrompt(team, newLedger()));
  const all = { kind: "call" as const, bytes };
  const workers = team.workers.map(({ name, ref }) => ({
    ...{ name, kind: "call" as const, agent: ref, after: [leader], reads: [], back: leader, parallel: true },
    ...{ least: 1, most: team.turns * team.width, bytes: 0 },
  }));
  const names = workers.map(({ name }) => name);
  const least = team.synthesiser === undefined ? 0 : 1;
  const closer = { agent: team.synthesiser ?? team.supervisor, least, most: 1 };
  return {
    steps: [
      { ...all, name: leader, agent: team.supervisor, after: [], least: 2, most: team.turns, reads: names },
      ...workers,
      { ...all, ...closer, name: freeName("answer", new Set([...used, leader])), after: names, reads: names },
    ],
  };
}
