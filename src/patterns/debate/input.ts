import { z } from "zod";
import { AgentRef, refName } from "../../core/agent.ts";
import { type Condition, compileCondition } from "../../core/condition.ts";
import { Failure } from "../../core/errors.ts";
import type { Limits } from "../../core/limits.ts";
import { listed } from "../../core/texts.ts";
import { distinctNames } from "../parts.ts";

const StopWhen = z.strictObject({
  rounds: z.int().min(1).max(100).optional(),
  tokens: z.int().min(1).optional(),
  usd: z.number().positive().max(1_000_000).optional(),
  seconds: z.number().positive().max(31_536_000).optional(),
  text: z.string().min(1).max(1000).optional().describe("A phrase said"),
  judge: z.boolean().optional().describe("Each round"),
  stall: z.int().min(1).max(100).optional().describe("Rounds without news"),
  agreement: z.boolean().optional().describe("Default true"),
});

/** A debate as it is asked for. */
export const DebateInput = z.strictObject({
  task: z.string().min(1),
  participants: z.array(AgentRef).min(2).max(100),
  rounds: z.int().min(1).max(100).optional().describe("Default 3"),
  speaker_selection: z
    .union([
      z.enum(["round_robin", "moderator"]),
      z.strictObject({ moderator: AgentRef.optional(), rule: z.string().min(1).optional() }),
    ])
    .optional()
    .describe("rule: CEL over name, last, round, spoke, text"),
  stop_when: StopWhen.optional(),
  judge: AgentRef.optional().describe("Decides at last"),
  transcript: z
    .strictObject({ window: z.int().min(1).max(200).optional(), summary_by: AgentRef.optional() })
    .optional()
    .describe("Default window 12"),
});
export type DebateInput = z.output<typeof DebateInput>;

/** Somebody who takes part, under a name of its own. */
export interface Speaker {
  readonly name: string;
  readonly ref: AgentRef;
}

/** A debate with everything that was left unsaid. */
export interface Debate {
  readonly task: string;
  readonly speakers: readonly Speaker[];
  readonly rounds: number;
  readonly moderator: AgentRef | undefined;
  readonly rule: Condition | undefined;
  /** Who says after each round whether it is good enough, if that is asked for. */
  readonly assessor: AgentRef | undefined;
  readonly stop: Omit<z.output<typeof StopWhen>, "rounds" | "judge" | "agreement">;
  readonly agreement: boolean;
  readonly window: number;
  readonly summariser: AgentRef | undefined;
}

const ROUNDS = 3;
const WINDOW = 12;

/** Of a candidate its name and how often it has spoken in this round; beside that who spoke last and what, and the round. */
const RULE_VARIABLES = ["name", "last", "round", "spoke", "text"];

/** Names of calls that are no turns, so that no speaker may have them. */
const TAKEN = ["moderator", "enough", "summary", "decision"];

/** Fills in what was left unsaid. */
export function planDebate(input: DebateInput, limits: Limits): Debate {
  const { task, participants, speaker_selection: selection, transcript = {} } = input;
  const { rounds: _, judge: assessed = false, agreement = true, ...stop } = input.stop_when ?? {};
  const names = distinctNames(participants, TAKEN);
  const rule = typeof selection === "object" ? selection.rule : undefined;
  return {
    task,
    speakers: participants.map((ref, index) => ({ name: names[index] ?? refName(ref), ref })),
    rounds: roundsOf(input) ?? Math.min(ROUNDS, limits.rounds),
    moderator: moderatorOf(input),
    rule: rule === undefined ? undefined : compileCondition(rule, RULE_VARIABLES),
    assessor: assessed ? (input.judge ?? "judge") : undefined,
    stop,
    agreement,
    window: transcript.window ?? WINDOW,
    summariser: transcript.summary_by,
  };
}

const roundsOf = ({ rounds, stop_when }: DebateInput): number | undefined => stop_when?.rounds ?? rounds;

function moderatorOf({ speaker_selection: selection, judge }: DebateInput): AgentRef | undefined {
  if (selection === "moderator") return judge ?? "judge";
  return typeof selection === "object" ? selection.moderator : undefined;
}

/** Everybody a debate may ask. */
export function debaters(input: DebateInput): AgentRef[] {
  const others = [
    moderatorOf(input),
    input.transcript?.summary_by,
    input.judge ?? (input.stop_when?.judge ? "judge" : undefined),
  ];
  return [...input.participants, ...others.flatMap((ref) => (ref === undefined ? [] : [ref]))];
}

/** Throws where a debate could not go as it is asked for. */
export function checkDebate(input: DebateInput, limits: Limits): void {
  const { participants, rounds, speaker_selection: selection, stop_when } = input;
  if (participants.length > limits.width) {
    throw new Failure(
      "WIDTH_EXCEEDED",
      `${participants.length} participants are more than limits.width (${limits.width})`,
      { hint: "Name fewer, or raise limits.width in the settings." },
    );
  }
  if (rounds !== undefined && stop_when?.rounds !== undefined && rounds !== stop_when.rounds) {
    throw wrong(
      `\`rounds\` is ${rounds} and \`stop_when.rounds\` is ${stop_when.rounds}`,
      `Say it once: "rounds": ${Math.min(rounds, stop_when.rounds, limits.rounds)}.`,
    );
  }
  const asked = roundsOf(input) ?? 1;
  if (asked > limits.rounds) {
    throw wrong(
      `${asked} rounds are more than limits.rounds (${limits.rounds})`,
      `Give rounds from 1 to ${limits.rounds}, or raise limits.rounds in the settings.`,
    );
  }
  const stall = stop_when?.stall;
  const most = roundsOf(input) ?? Math.min(ROUNDS, limits.rounds);
  if (stall !== undefined && stall >= most) {
    throw wrong(
      `\`stop_when.stall\` is ${stall}, which ${most} rounds never come to: the first cannot stall`,
      most > 1 ? `Give 1 to ${most - 1}, or more rounds.` : "Leave it out.",
    );
  }
  if (typeof selection === "object") checkSelection(selection, participants);
}

/** A rule is tried on the first turn: one that lets nobody begin would never come to a debate. */
function checkSelection(
  { moderator, rule: text }: { readonly moderator?: AgentRef | undefined; readonly rule?: string | undefined },
  participants: DebateInput["participants"],
): void {
  if ((moderator === undefined) === (text === undefined)) {
    throw wrong(
      "`speaker_selection` needs either `moderator` or `rule`",
      'Such as {"moderator": "judge"} or {"rule": "name != last && spoke < 2"}.',
    );
  }
  if (text === undefined) return;
  const names = distinctNames(participants, TAKEN);
  if (mayBegin(compileCondition(text, RULE_VARIABLES), names)) return;
  throw wrong(`by the rule \`${text}\` nobody may speak first; there are ${listed(names)}`, AT_FIRST);
}

const AT_FIRST = 'At first `last` and `text` are "" and `spoke` is 0: such as {"rule": "name != last && spoke < 2"}.';

function mayBegin(rule: Condition, names: readonly string[]): boolean {
  try {
    return names.some((name) => rule.holds({ name, last: "", round: 1, spoke: 0, text: "" }));
  } catch (error) {
    throw error instanceof Failure ? wrong(error.message, AT_FIRST) : error;
  }
}

const wrong = (message: string, hint: string): Failure => new Failure("INVALID_INPUT", message, { hint });
