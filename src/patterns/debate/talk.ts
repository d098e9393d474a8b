import { z } from "zod";
import { isoTime } from "../../core/clock.ts";
import { acknowledgement, messageOf } from "../../core/message.ts";
import type { Answer } from "../../core/pattern.ts";
import { nthName } from "../../core/place.ts";
import { type State, stateOf } from "../../core/stalls.ts";
import { cut, listed, normalised } from "../../core/texts.ts";
import { clamped } from "../vote/tally.ts";
import type { Debate, Speaker } from "./input.ts";

/** What each speaker is asked for. */
export const Said = z.object({
  message: z.string().min(1).describe("What you say to the others"),
  position: z.string().min(1).describe("Your answer to the task as you see it now, in one or two sentences"),
  agrees_with: z.array(z.string()).describe("Names of those you agree with"),
  agreed: z.boolean().describe("You accept the standing proposal as it stands, with nothing to add"),
  confidence: z.number().describe("How sure you are, from 0 to 1"),
});
export type Said = z.output<typeof Said>;

/** What was said: a proposal, a reply to the one that stands, or that somebody agrees with it. */
export const Message = messageOf(
  z.enum(["proposal", "reply", "agreement"]),
  z.object({
    message: z.string(),
    position: z.string(),
    confidence: z.number(),
    agrees_with: z.array(z.string()),
  }),
);
export type Message = z.output<typeof Message>;

/** What can end a debate. `speakers`: fewer than two are left; `limit`: the run's money or time. */
export const STOPS = [
  "agreement",
  "rounds",
  "tokens",
  "usd",
  "seconds",
  "text",
  "judge",
  "stall",
  "speakers",
  "limit",
] as const;

export interface Stop {
  readonly by: (typeof STOPS)[number];
  readonly why?: string;
}

interface Turn {
  readonly name: string;
  readonly round: number;
  readonly failed?: boolean;
  /** Whoever spoke may have waited for somebody. */
  readonly waited?: boolean;
}

/** A dialogue as far as it has come; plain data, since it is what its branch returns. */
export interface Talk {
  readonly messages: Message[];
  /** Who was called in which turn, those who failed too. */
  readonly turns: Turn[];
  round: number;
  /** How everybody stood at the end of each round. */
  readonly states: string[];
  stalled: number;
  /** What was said in each round in which anything was. */
  readonly said: State[];
  /** The older part in few words, and how many messages that is. */
  summary?: string;
  covered: number;
  stop?: Stop;
}

export const beginTalk = (): Talk => ({
  messages: [],
  turns: [],
  round: 0,
  states: [],
  stalled: 0,
  said: [],
  covered: 0,
});

/** The proposal that everybody is to agree with: whatever was said last that was no agreement. */
export const standing = ({ messages }: Talk): Message | undefined =>
  messages.findLast(({ type }) => type !== "agreement");

/** The last message of somebody, and so the position. */
export const lastOf = ({ messages }: Talk, name: string): Message | undefined =>
  messages.findLast(({ from }) => from === name);

/** Does somebody stand behind the standing proposal: as its author, or by having agreed since it was made? */
export function holds(talk: Talk, name: string): boolean {
  const proposal = standing(talk);
  const last = lastOf(talk, name);
  return (
    last !== undefined && (last === proposal || (last.type === "agreement" && last.correlation_id === proposal?.id))
  );
}

/** Who failed in this round, and is left out until the next. */
export const isOut = ({ turns, round }: Talk, name: string): boolean =>
  turns.some((turn) => turn.failed && turn.round === round && turn.name === name);

/** How often somebody has had a turn in this round. */
export const turnsOf = ({ turns, round }: Talk, name: string): number =>
  turns.filter((turn) => turn.round === round && turn.name === name).length;

/**
 * Have all agreed? Somebody who failed in this round without ever having said a word is not waited for; whoever has
 * spoken must have agreed.
 */
export function isAgreed(talk: Talk, speakers: readonly Speaker[]): boolean {
  const counted = speakers.filter(({ name }) => !isOut(talk, name) || lastOf(talk, name) !== undefined);
  return counted.length > 1 && counted.every(({ name }) => holds(talk, name));
}

/** Puts what a speaker has said into the dialogue. */
export function note(talk: Talk, { speakers }: Debate, { name }: Speaker, { output, at }: Answer<Said>): void {
  const { message, position, confidence, agreed } = output;
  const others = speakers.map((speaker) => speaker.name).filter((other) => other !== name);
  const agrees_with = others.filter((other) => output.agrees_with.includes(other));
  const id = `m${talk.messages.length + 1}`;
  const proposal = standing(talk);
  const isBehind = agrees_with.length === 0 || agrees_with.some((other) => holds(talk, other));
  const type = proposal && agreed && isBehind ? "agreement" : isKnown(talk, position) ? "reply" : "proposal";
  const [only] = agrees_with.length === 1 ? agrees_with : [];
  talk.messages.push({
    id,
    from: name,
    to: only ?? "all",
    timestamp: isoTime(at),
    type,
    correlation_id: type === "proposal" ? id : (proposal?.id ?? id),
    payload: { message, position, confidence: clamped(confidence), agrees_with },
    acknowledged: [],
  });
}

const isKnown = ({ messages }: Talk, position: string): boolean =>
  messages.some(({ payload }) => normalised(payload.position) === normalised(position));

/** Where the next turn of a speaker stands in the journal, below the place of the debate. */
export const placeOfTurn = ({ turns }: Talk, name: string): string =>
  `map/0/${nthName(name, turns.filter((turn) => turn.name === name).length + 1)}`;

/** Notes that a turn had these messages in its prompt, and when it was remembered, if it was. */
export function acknowledge(shown: readonly Message[], by: string, received: string, at: number | undefined): void {
  for (const { from, acknowledged } of shown) {
    if (from === by) continue;
    const known = acknowledged.find((each) => each.by === by);
    if (!known) acknowledged.push(acknowledgement(by, received, at));
    else if (at !== undefined) known.processed_at ??= isoTime(at);
  }
}

/** Closes a round: one that leaves all as they already stood once, in this round or in a circle, has brought nothing. */
export function closeRound(talk: Talk, speakers: readonly Speaker[]): void {
  const state = JSON.stringify(speakers.map(({ name }) => normalised(lastOf(talk, name)?.payload.position ?? "")));
  talk.stalled = talk.states.includes(state) ? talk.stalled + 1 : 0;
  talk.states.push(state);
  const spoken = spokenIn(talk);
  const waiting = talk.turns.some(({ round, waited }) => round === talk.round && waited);
  if (spoken.length > 0) talk.said.push({ ...stateOfRound(spoken), waiting });
}

const spokenIn = ({ messages, turns, round }: Talk): readonly Message[] =>
  messages.slice(messages.length - turns.filter((turn) => turn.round === round && !turn.failed).length);

const WORDS_SHOWN = 80;

/** Positions may stand while the grounds change: a round is the same only where every word of it was said before. */
const stateOfRound = (spoken: readonly Message[]): State =>
  stateOf(
    spoken
      .map(({ from, payload }) => `${listed([from])} said ${listed([cut(payload.message, WORDS_SHOWN)])}`)
      .join(" and "),
    ...spoken.flatMap(({ from, payload: { message, position } }) => [from, message, position]),
  );
