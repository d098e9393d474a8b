import type { AgentRef, AgentSpec } from "../../core/agent.ts";
import type { Limits } from "../../core/limits.ts";
import type { Outline, OutlineStep } from "../../core/outline.ts";
import { judgesItself, overlapping } from "../advice.ts";
import { freeName } from "../parts.ts";
import { type Debate, type DebateInput, planDebate } from "./input.ts";
import { beginTalk } from "./talk.ts";
import { questionTo } from "./turn.ts";

/** What a debate is going to ask: if all goes well everybody speaks once and all agree. */
export function outlineDebate(input: DebateInput, limits: Limits): Outline {
  const plan = planDebate(input, limits);
  const { speakers, rounds, moderator, assessor, summariser } = plan;
  const turns = turnsOf(plan);
  const names = turns.map(({ name }) => name);
  const last = names.slice(-1);
  const bytes = Buffer.byteLength(input.task);
  const step = (name: string, agent: AgentRef | undefined, least: number, most: number): OutlineStep[] =>
    agent === undefined
      ? []
      : [{ name, kind: "call", agent, after: name === "moderator" ? [] : last, least, most, bytes, reads: names }];
  return {
    steps: [
      ...step("moderator", moderator, speakers.length - 1, rounds * speakers.length),
      ...turns,
      ...step("summary", summariser, 0, rounds - 1),
      ...step("enough", assessor, 0, rounds - 1),
      ...step("decision", input.judge, 1, 1),
    ],
  };
}

/** The turns of every round, one after another; each may have all that was said before in its prompt. */
function turnsOf(plan: Debate): OutlineStep[] {
  const slots = slotsOf(plan);
  const names = slots.map(({ name }) => name);
  const first = plan.moderator === undefined ? [] : ["moderator"];
  return slots.map(({ name, speaker, round }, at): OutlineStep => {
    const { prompt, brief } = questionTo(plan, beginTalk(), speaker.name);
    const before = names.slice(0, at);
    const summary = plan.summariser === undefined || round === 1 ? [] : ["summary"];
    return {
      name,
      kind: "call",
      agent: speaker.ref,
      after: at === 0 ? first : before.slice(-1),
      least: round === 1 ? 1 : 0,
      most: mostTurns(plan),
      bytes: Buffer.byteLength(prompt + brief),
      reads: [...before, ...summary],
    };
  });
}

/** Nobody answers himself, so that of a round's turns the half is the most for one. */
const mostTurns = ({ moderator, rule, speakers }: Debate): number =>
  moderator === undefined && rule === undefined ? 1 : Math.ceil(speakers.length / 2);

function slotsOf({ speakers, rounds }: Debate) {
  const used = new Set<string>();
  return Array.from({ length: rounds }, (_, index) => index + 1).flatMap((round) =>
    speakers.map((speaker) => {
      const name = freeName(round === 1 ? speaker.name : `${speaker.name}.${round}`, used);
      used.add(name);
      return { name, speaker, round };
    }),
  );
}

/** What a careful reader would change in a debate. */
export const debateAdvice = (
  { participants, judge }: DebateInput,
  who: (ref: AgentRef) => AgentSpec | undefined,
): string[] => [
  ...(judge === undefined ? [] : judgesItself("judge", judge, participants, who)),
  ...overlapping(participants, who),
];
