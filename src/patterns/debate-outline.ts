import type { AgentRef } from "../core/agent.ts";
import type { Limits } from "../core/limits.ts";
import type { Outline, OutlineStep } from "../core/outline.ts";
import { type DebateInput, planDebate } from "./debate-input.ts";

/** What a debate is going to ask: if all goes well everybody speaks once and all agree. */
export function debateOutline(input: DebateInput, limits: Limits): Outline {
  const { speakers, rounds, moderator, rule, assessor, summariser } = planDebate(input, limits);
  const bytes = new TextEncoder().encode(input.task).length;
  const names = speakers.map(({ name }) => name);
  const last = names.at(-1) ?? "";
  const free = moderator !== undefined || rule !== undefined;
  // Nobody speaks twice in a row, so that in a round of so many turns the half of them is the most.
  const turns = rounds * (free ? Math.ceil(names.length / 2) : 1);
  const step = (name: string, agent: AgentRef, after: readonly string[], most: number, least = 0): OutlineStep => ({
    name,
    kind: "call",
    agent,
    after,
    least,
    most,
    bytes,
    reads: names.filter((other) => other !== name),
  });
  const talk = speakers.map(({ name, ref }, index): OutlineStep => {
    const before = names.slice(Math.max(0, index - 1), index);
    const more = name === last && names[0] !== undefined && rounds > 1 ? { back: names[0] } : {};
    return { ...step(name, ref, before, turns, 1), ...more };
  });
  return {
    steps: [
      ...talk,
      ...(moderator === undefined ? [] : [step("moderator", moderator, [], rounds * names.length, names.length - 1)]),
      ...(summariser === undefined ? [] : [step("summary", summariser, [last], rounds - 1)]),
      ...(assessor === undefined ? [] : [step("enough", assessor, [last], rounds - 1)]),
      ...(input.judge === undefined ? [] : [step("decision", input.judge, [last], 1, 1)]),
    ],
  };
}
