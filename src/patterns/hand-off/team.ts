import { z } from "zod";
import { type AgentRef, refName } from "../../core/agent.ts";
import { Failure } from "../../core/errors.ts";
import type { Outline } from "../../core/outline.ts";
import { listed } from "../../core/texts.ts";
import { noSuchName } from "../names.ts";
import { freeName, instructed } from "../parts.ts";

const Name = z.string().min(1).max(200);

/** A task with the agents among whom it may pass. */
export const HandOffInput = z.strictObject({
  task: z.string().min(1),
  agents: z
    .array(
      z.union([
        Name,
        z.strictObject({
          agent: Name,
          instructions: z.string().min(1).max(100_000).optional(),
          name: Name.optional(),
          description: z.string().min(1).max(2000).optional().describe("Told to the others"),
          to: z.array(Name).optional().describe("Names it may hand to; default all"),
        }),
      ]),
    )
    .min(2)
    .max(100),
  start: Name.optional().describe("Default: the first"),
  max_hops: z.int().min(1).max(50).optional().describe("Default 8"),
});
export type HandOffInput = z.output<typeof HandOffInput>;

/** One who may have the task, under a name unlike the others'. */
export interface Member {
  readonly name: string;
  readonly ref: AgentRef;
  /** What it is for, as the others are told. */
  readonly about: string | undefined;
  /** Those it may hand the task to. */
  readonly to: readonly string[];
}

const HOPS = 8;

/** How often the task may be handed over. */
export const hopsOf = ({ max_hops = HOPS }: HandOffInput): number => max_hops;

/** Everybody with what was left unsaid; whoever begins comes first. */
export function membersOf({ agents, start }: HandOffInput): Member[] {
  const names = namesOf(agents);
  const members = agents.map((agent, index) => {
    const name = names[index] ?? "";
    const others = names.filter((other) => other !== name);
    if (typeof agent === "string") return { name, ref: agent, about: undefined, to: others };
    const { instructions, description, to = others } = agent;
    return { name, ref: instructed(agent.agent, instructions), about: description ?? instructions, to };
  });
  return [...members.filter(({ name }) => name === start), ...members.filter(({ name }) => name !== start)];
}

/** Names that were given stand; whoever has none is called after its agent, with a number where that is taken. */
function namesOf(agents: HandOffInput["agents"]): string[] {
  const given = agents.map((agent) => (typeof agent === "string" ? undefined : agent.name));
  const used = new Set(given.filter((name) => name !== undefined));
  return agents.map((agent, index) => {
    const name = given[index] ?? freeName(refName(agent), used);
    used.add(name);
    return name;
  });
}

/** Throws where names are wrong, so that the task could not go the ways that are meant. */
export function checkMembers(input: HandOffInput): void {
  const names = namesOf(input.agents);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw wrong(`two agents are called ${listed([twice])}`, "Give each its own `name`.");
  if (input.start !== undefined && !names.includes(input.start))
    throw wrong(`\`start\`: ${noSuchName("agent", input.start, names)}`, "Give one of the names in `agents`.");
  for (const { name, to } of membersOf(input)) {
    const unknown = to.find((other) => !names.includes(other));
    if (unknown !== undefined)
      throw wrong(`\`to\` of ${listed([name])}: ${noSuchName("agent", unknown, names)}`, "Name agents of this list.");
    if (to.includes(name))
      throw wrong(`\`to\` of ${listed([name])} names itself`, "It goes on by answering; name others only.");
  }
}

const wrong = (message: string, hint: string): Failure => new Failure("INVALID_INPUT", message, { hint });

const TURNS_A_TIME = 2;

/**
 * Whoever begins is asked; the others may be. Nobody hands to itself, so that each has the task at most every other
 * time; each time it may be asked once more, where it named nobody whom it may hand to.
 */
export function outlineMembers(input: HandOffInput): Outline {
  const members = membersOf(input);
  const [first, ...rest] = members;
  if (!first) return { steps: [] };
  const times = Math.ceil((hopsOf(input) + 1) / 2);
  const step = ({ name, ref }: Member) => ({
    ...{ name, kind: "call" as const, agent: ref, most: times * TURNS_A_TIME },
    bytes: Buffer.byteLength(input.task),
    reads: members.filter(({ to }) => to.includes(name)).map((other) => other.name),
  });
  return {
    steps: [
      { ...step(first), after: [], least: 1 },
      ...rest.map((member) => ({ ...step(member), after: [first.name], least: 0, back: first.name })),
    ],
  };
}
