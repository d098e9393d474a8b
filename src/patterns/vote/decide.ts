import { z } from "zod";
import type { AgentRef } from "../../core/agent.ts";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE, fence } from "../../core/fence.ts";
import type { RunContext } from "../../core/pattern.ts";
import { normalised, paragraphs } from "../../core/texts.ts";
import { type Ballot, grouped, tallyOf } from "./tally.ts";

/** Who decided what, and why. The ballots are those it was decided on: a judge may find that some say the same. */
export interface Verdict {
  readonly decision: string | null;
  readonly decided_by: "judge" | "synthesis" | "human" | null;
  readonly reason?: string;
  readonly ballots: readonly Ballot[];
}

const told = (what: string): string => paragraphs(what, FENCE_RULE);
const CLUSTER = told(
  "Which of the answers say the same? Put the numbers of those that mean the same into one group; an answer " +
    "like no other is a group of its own. Whether an answer is right is not the question.",
);
const CHOOSE = told(
  "Decide the question. Weigh the grounds that the votes give, not their number alone. Choose exactly one of " +
    "the options and give your reason.",
);
const BEST = told(
  "Choose the best of the answers. Weigh the grounds that they give, not their number alone. Give the number " +
    "of the best, the numbers of those that say the same as it does, and your reason.",
);
const JOIN = told(
  "Make one answer to the question out of the answers. Say nothing twice, put what matters most first. Where " +
    "they contradict each other, decide by the grounds they give, and say so in your reason. Give the numbers " +
    "of the answers that you decided against.",
);

const REASON = z.string().describe("Why, in a few sentences");
const numbers = (n: number) => Array.from({ length: n }, (_, index) => String(index + 1));

/** Puts free answers that say the same under one choice; a judge is asked only where the words differ. */
export async function cluster(
  ctx: RunContext,
  judge: AgentRef,
  question: string,
  ballots: readonly Ballot[],
): Promise<readonly Ballot[]> {
  const distinct = new Set(ballots.map(({ choice }) => normalised(choice)));
  if (distinct.size < 2) return grouped(ballots, []);
  ctx.tell("grouping the answers that say the same");
  try {
    const { output } = await ctx.call(judge, {
      prompt: paragraphs(
        `# Question\n\n${question}`,
        "# Answers",
        ...ballots.map(({ choice }, index) => fence(`answer ${index + 1}`, choice)),
      ),
      brief: CLUSTER,
      shape: z.object({ groups: z.array(z.array(z.int())) }),
      cache: false,
      closing: true,
    });
    return grouped(
      ballots,
      output.groups.map((group) => group.map((n) => n - 1)),
    );
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    ctx.degrade(
      `answers in different words count as different, since nobody could group them: ${error.code} ${error.message}`,
    );
    return grouped(ballots, []);
  }
}

/** A judge sees the question and every answer with its confidence and reason, but not whose it is, and picks one. */
export async function judged(
  ctx: RunContext,
  judge: AgentRef,
  { question, options }: { readonly question: string; readonly options: readonly string[] | undefined },
  ballots: readonly Ballot[],
): Promise<Verdict> {
  ctx.tell("the judge decides");
  return options ? judgeOptions(ctx, judge, question, options, ballots) : judgeAnswers(ctx, judge, question, ballots);
}

async function judgeOptions(
  ctx: RunContext,
  judge: AgentRef,
  question: string,
  options: readonly string[],
  ballots: readonly Ballot[],
): Promise<Verdict> {
  const { output } = await ctx.call(judge, {
    prompt: paragraphs(
      `# Question\n\n${question}`,
      `# Options\n\n${options.map((option) => `- ${option}`).join("\n")}`,
      "# Votes",
      ...ballots.map(shown("vote")),
    ),
    brief: CHOOSE,
    shape: z.object({ choice: z.enum(options), reason: REASON }),
    cache: false,
    closing: true,
  });
  return { decision: output.choice, decided_by: "judge", reason: output.reason, ballots };
}

async function judgeAnswers(
  ctx: RunContext,
  judge: AgentRef,
  question: string,
  ballots: readonly Ballot[],
): Promise<Verdict> {
  const { output } = await ctx.call(judge, {
    prompt: paragraphs(`# Question\n\n${question}`, "# Answers", ...ballots.map(shown("answer"))),
    brief: BEST,
    shape: z.object({ best: z.enum(numbers(ballots.length)), same: z.array(z.int()), reason: REASON }),
    cache: false,
    closing: true,
  });
  const best = Number(output.best) - 1;
  const decision = ballots[best]?.choice ?? null;
  const alike = new Set([best, ...output.same.map((n) => n - 1)]);
  const merged = ballots.map((ballot, index) =>
    alike.has(index) && decision ? { ...ballot, choice: decision } : ballot,
  );
  return { decision, decided_by: "judge", reason: output.reason, ballots: merged };
}

/** One answer made of all: what is said twice is said once, contradictions are settled and named. */
export async function synthesised(
  ctx: RunContext,
  synthesiser: AgentRef,
  question: string,
  ballots: readonly Ballot[],
): Promise<Verdict & { readonly overruled: readonly Ballot[] }> {
  ctx.tell("joining the answers");
  const { output } = await ctx.call(synthesiser, {
    prompt: paragraphs(`# Question\n\n${question}`, "# Answers", ...ballots.map(shown("answer"))),
    brief: JOIN,
    shape: z.object({ answer: z.string().min(1), reason: REASON, overruled: z.array(z.int()) }),
    cache: false,
    closing: true,
  });
  const overruled = ballots.filter((_, index) => output.overruled.includes(index + 1));
  return { decision: output.answer, decided_by: "synthesis", reason: output.reason, ballots, overruled };
}

/** A person sees the question, every answer and its confidence, and answers. An answer that is no option is asked again. */
export async function decidedByHuman(
  ctx: RunContext,
  { question, options }: { readonly question: string; readonly options: readonly string[] | undefined },
  ballots: readonly Ballot[],
): Promise<Verdict> {
  const show = {
    question,
    ...(options && { options }),
    answer: `${options ? "one of the options" : "a text"}; null for no decision`,
    tally: Object.fromEntries(tallyOf(ballots, options)),
    votes: ballots.map(({ weight: _, ...vote }) => vote),
  };
  let problem: string | undefined;
  for (;;) {
    const answer = await ctx.wait("decision", { kind: "answer", show: { ...show, ...(problem && { problem }) } });
    const note = "note" in answer && answer.note !== undefined ? { reason: answer.note } : {};
    if (answer.how === "rejected" || answer.how === "expired" || answer.value === null) {
      return { decision: null, decided_by: null, ballots, reason: "a person was asked and did not decide", ...note };
    }
    const choice = choiceOf(answer.value, ballots, options);
    if (choice !== undefined) return { decision: choice, decided_by: "human", ballots, ...note };
    problem = options ? `answer with one of: ${options.join(", ")}` : "answer with a text";
  }
}

/** An option, or a free answer: in the words of a ballot that says the same, if there is one. */
function choiceOf(value: unknown, ballots: readonly Ballot[], options: readonly string[] | undefined) {
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const known = options ?? ballots.map(({ choice }) => choice);
  const same = known.find((choice) => normalised(choice) === normalised(value));
  return same ?? (options ? undefined : value);
}

const shown =
  (thing: string) =>
  ({ choice, ranking, confidence, reason }: Ballot, index: number): string =>
    fence(`${thing} ${index + 1}`, `${ranking?.join(" > ") ?? choice}\n\nConfidence: ${confidence}\nReason: ${reason}`);
