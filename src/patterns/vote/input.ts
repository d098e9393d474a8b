import { z } from "zod";
import { AgentRef } from "../../core/agent.ts";
import { Failure } from "../../core/errors.ts";
import type { Limits } from "../../core/limits.ts";
import { normalised } from "../../core/texts.ts";
import { distinctNames, instructed } from "../parts.ts";
import type { Voter } from "./ask.ts";
import { overHalf, type Sure } from "./stop.ts";
import type { Rule } from "./tally.ts";

const Weight = z.number().min(0.000_001).max(1_000_000);

/** A vote as it is asked for. */
export const VoteInput = z.strictObject({
  question: z.string().min(1),
  voters: z
    .array(
      z.union([
        z.string().min(1).max(200),
        z.strictObject({ agent: AgentRef, instructions: z.string().min(1).optional(), weight: Weight.optional() }),
      ]),
    )
    .min(2),
  options: z.array(z.string().min(1)).min(2).max(100).optional().describe("None: free answers"),
  method: z
    .enum(["majority", "weighted", "ranked", "unanimous", "judge", "synthesize"])
    .default("majority")
    .describe("majority: over half; ranked: Borda"),
  quorum: z.int().min(1).max(1000).optional().describe("Ballots needed; default over half"),
  judge: AgentRef.optional().describe("Who judges or synthesizes"),
  early_stop: z
    .enum(["off", "outcome", "confidence"])
    .default("off")
    .describe("Ask in waves until certain, or probable"),
  confidence_threshold: z.number().gt(0.5).lt(1).optional().describe("Default 0.95"),
  on_disagreement: z.enum(["report", "judge", "human"]).default("report").describe("If nobody wins"),
});
export type VoteInput = z.output<typeof VoteInput>;

/** The methods in which weights count. */
const WEIGHED: readonly VoteInput["method"][] = ["weighted", "ranked"];

const CONFIDENCE = 0.95;

/** When a vote may stop on a probable majority; never where it must be certain. */
export const sureOf = ({ early_stop, confidence_threshold, quorum }: VoteInput): Sure | undefined =>
  early_stop === "confidence" ? { threshold: confidence_threshold ?? CONFIDENCE, quorum } : undefined;

/** Who votes, each under a name of its own; weights count only where they were asked for. */
export function votersOf({ voters, method }: Pick<VoteInput, "voters" | "method">): Voter[] {
  const refs = voters.map((voter) => (typeof voter === "string" ? voter : instructed(voter.agent, voter.instructions)));
  const names = distinctNames(refs);
  return refs.map((ref, index) => {
    const voter = voters[index];
    const weight = WEIGHED.includes(method) && typeof voter === "object" ? (voter.weight ?? 1) : 1;
    return { name: names[index] ?? "", ref, weight };
  });
}

/** How many ballots a vote needs, where so many have been asked: a vote that stops on a probable majority asks few. */
export const quorumOf = (input: VoteInput, asked = input.voters.length): number =>
  input.quorum ?? overHalf(sureOf(input) ? asked : input.voters.length);

/** The rule that counts the votes; none where somebody decides on them. */
export const ruleOf = ({ method }: VoteInput): Rule | undefined =>
  method === "judge" || method === "synthesize" ? undefined : method;

export const judgeOf = ({ judge }: VoteInput): AgentRef => judge ?? "judge";
export const synthesiserOf = ({ judge }: VoteInput): AgentRef => judge ?? "synthesiser";

/** Who may be asked after the votes are in. */
export function closers(input: VoteInput): AgentRef[] {
  if (input.method === "synthesize") return [synthesiserOf(input)];
  const needed = input.method === "judge" || input.options === undefined || input.on_disagreement === "judge";
  return needed ? [judgeOf(input)] : [];
}

/** Throws where a vote could not come out as it is asked for. */
export function checkVote(input: VoteInput, limits: Limits): void {
  const { voters, options, method, quorum } = input;
  if (voters.length > limits.width) {
    throw new Failure("WIDTH_EXCEEDED", `${voters.length} voters are more than limits.width (${limits.width})`, {
      hint: "Ask fewer, or raise limits.width in the settings.",
    });
  }
  if (quorum !== undefined && quorum > voters.length) {
    throw wrong(`a quorum of ${quorum} cannot be reached by ${voters.length} voters`, `Give 1 to ${voters.length}.`);
  }
  if (options && new Set(options.map(normalised)).size < options.length) {
    throw wrong("two options say the same", "Give each option once.");
  }
  if (method === "synthesize" && options) {
    throw wrong(
      "synthesize makes one text of free answers and takes no options",
      'Leave out `options`, or use "judge".',
    );
  }
  if (method === "ranked" && !options) {
    throw wrong("a ranked vote needs `options` to rank", 'Give `options`, or use "majority".');
  }
  if (!WEIGHED.includes(method) && voters.some((voter) => typeof voter === "object" && voter.weight !== undefined)) {
    throw wrong(`weights do not count with method "${method}"`, 'Say method: "weighted", or leave the weights out.');
  }
  checkStop(input);
}

/** Throws where a vote is to stop early and cannot, or not for the reason given. */
function checkStop(input: VoteInput): void {
  const { method, early_stop, confidence_threshold } = input;
  if (early_stop !== "confidence" && confidence_threshold !== undefined) {
    throw wrong(
      `\`confidence_threshold\` means nothing with early_stop "${early_stop}"`,
      'Say early_stop: "confidence", or leave it out.',
    );
  }
  if (early_stop === "off") return;
  if (ruleOf(input) === undefined) {
    throw wrong(
      `with method "${method}" only the last word decides, so it cannot stop early`,
      "Leave out `early_stop`.",
    );
  }
  if (early_stop === "outcome") return;
  const otherwise = 'Say early_stop: "outcome".';
  if (method === "unanimous") {
    throw wrong("one dissent ends unanimity, however probable it was, so confidence cannot stop it", otherwise);
  }
  if (method === "ranked") {
    throw wrong("confidence is told from votes for one answer, and a ranking gives points to all", otherwise);
  }
  if (new Set(votersOf(input).map(({ weight }) => weight)).size > 1) {
    throw wrong("confidence is told from equal votes, and the weights differ", otherwise);
  }
}

const wrong = (message: string, hint: string): Failure => new Failure("INVALID_INPUT", message, { hint });
