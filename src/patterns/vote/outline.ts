import type { AgentRef } from "../../core/agent.ts";
import type { Outline, OutlineStep } from "../../core/outline.ts";
import { freeName } from "../parts.ts";
import { ballotQuestion } from "./ask.ts";
import { judgeOf, quorumOf, ruleOf, sureOf, synthesiserOf, type VoteInput, votersOf } from "./input.ts";
import { waveOf } from "./stop.ts";

/** Who is asked first, who only if that does not settle it, and who closes over the votes. */
export function outlineVote(input: VoteInput): Outline {
  const voters = votersOf(input);
  const names = voters.map(({ name }) => name);
  const rule = ruleOf(input);
  const { prompt, brief = "" } = ballotQuestion({ ...input, options: input.options, rule });
  const first = firstWave(input);
  const steps = voters.map(({ name, ref }, index) => ({
    name,
    kind: "call" as const,
    agent: ref,
    after: index < first ? [] : names.slice(0, first),
    least: index < first ? 1 : 0,
    most: 1,
    bytes: Buffer.byteLength(prompt) + Buffer.byteLength(brief),
    reads: [],
  }));
  return { steps: [...steps, ...closing(input, names, Buffer.byteLength(prompt))] };
}

/** How many are asked at once. */
function firstWave(input: VoteInput): number {
  const { early_stop, voters, options } = input;
  if (early_stop === "off") return voters.length;
  const waiting = votersOf(input).map(({ weight }) => weight);
  const rule = ruleOf(input) ?? "majority";
  return waveOf({ rule, ballots: [], waiting, quorum: quorumOf(input), options, sure: sureOf(input) });
}

function closing(input: VoteInput, voters: readonly string[], bytes: number): OutlineStep[] {
  const used = new Set(voters);
  const step = (name: string, agent: AgentRef | undefined, least: number, after: readonly string[]): OutlineStep => {
    const own = freeName(name, used);
    used.add(own);
    const kind = agent === undefined ? ("wait" as const) : ("call" as const);
    return { name: own, kind, ...(agent !== undefined && { agent }), after, least, most: 1, bytes, reads: voters };
  };
  if (input.method === "synthesize") return [step("synthesis", synthesiserOf(input), 1, voters)];
  if (input.method === "judge") return [step("judgement", judgeOf(input), 1, voters)];
  const groups = input.options ? [] : [step("grouping", judgeOf(input), 1, voters)];
  const before = groups.length > 0 ? groups.map(({ name }) => name) : voters;
  if (input.on_disagreement === "report") return groups;
  const agent = input.on_disagreement === "judge" ? judgeOf(input) : undefined;
  return [...groups, step("judgement", agent, 0, before)];
}
