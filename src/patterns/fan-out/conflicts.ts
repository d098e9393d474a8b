import { z } from "zod";
import { compileCondition } from "../../core/condition.ts";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { RunContext, Task } from "../../core/pattern.ts";
import { counted, listed, paragraphs, quoted } from "../../core/texts.ts";
import { type Branch, branchOf } from "./branches.ts";

/** What must hold of several answers to one task. */
export const Rule = z.strictObject({
  must: z.string().min(1).optional().describe("CEL over `answers` [{agent, output}]"),
  each: z.string().min(1).optional().describe("CEL over `answer`"),
  say: z.string().optional().describe("The rule in words"),
  critical: z.boolean().optional(),
});
export type Rule = z.output<typeof Rule>;

export const OnConflict = z.enum(["clarify", "report", "human"]);

/** A rule that answers broke, and what became of it. */
export const Conflict = z.object({
  rule: z.string(),
  critical: z.boolean(),
  agents: z.array(z.string()),
  settled_by: z.enum(["clarification", "human"]).nullable(),
  note: z.string().optional(),
});
export type Conflict = z.output<typeof Conflict>;

/** The question of a branch, so that it can be asked again. */
export interface Asked {
  readonly agent: Parameters<RunContext["call"]>[0];
  readonly name: string;
  readonly item?: unknown;
  readonly question: Task<unknown>;
}

export interface Terms {
  readonly rules: readonly Rule[];
  readonly on_conflict: z.output<typeof OnConflict>;
}

/** Throws where a rule can never be told. */
export function checkRules(rules: readonly Rule[]): void {
  for (const rule of rules) {
    if ((rule.must === undefined) === (rule.each === undefined))
      throw new Failure("INVALID_INPUT", "a rule has either `must` or `each`", {
        hint: 'Such as {"must": "answers.all(a, a.output.currency == answers[0].output.currency)"} or {"each": "answer.output.price > 0"}.',
      });
    compiled(rule);
  }
}

const compiled = ({ must, each = "" }: Rule) =>
  must === undefined ? compileCondition(each, ["answer"]) : compileCondition(must, ["answers"]);

interface Broken {
  readonly rule: Rule;
  /** The branches it is about. */
  readonly who: readonly number[];
}

/**
 * Holds answers to the rules: who broke one is asked to clarify, once; what is critical and still broken goes to a
 * person, if one is to be asked. Every step of it is in the journal, and how it ended is told.
 */
export async function settleConflicts(
  ctx: RunContext,
  jobs: readonly Asked[],
  branches: readonly Branch[],
  { rules, on_conflict }: Terms,
): Promise<{ readonly branches: readonly Branch[]; readonly conflicts: readonly Conflict[] }> {
  const before = rules.flatMap((rule) => brokenBy(rule, branches) ?? []);
  if (before.length === 0) return { branches, conflicts: [] };
  const clarified = on_conflict === "report" ? branches : await clarify(ctx, jobs, branches, before);
  const conflicts: Conflict[] = [];
  for (const { rule, who } of before) {
    const still = brokenBy(rule, clarified);
    const told = { rule: wordsOf(rule), critical: rule.critical ?? false, agents: namesOf(branches, who) };
    if (!still) conflicts.push({ ...told, settled_by: "clarification" });
    else conflicts.push({ ...told, ...(await escalate(ctx, still, clarified, on_conflict)) });
  }
  const open = conflicts.filter(({ settled_by }) => settled_by === null);
  if (open.length > 0)
    ctx.degrade(
      `${counted(open.length, "conflict")} between the answers stayed: ${open.map(({ rule }) => rule).join("; ")}`,
    );
  return { branches: clarified, conflicts };
}

/** Whom a rule is about, where it does not hold. A rule that these answers do not let be told is broken too. */
function brokenBy(rule: Rule, branches: readonly Branch[]): Broken | undefined {
  const good = branches.flatMap((branch, index) => (branch.status === "succeeded" ? [index] : []));
  const answer = (index: number) => ({ agent: branches[index]?.agent, output: branches[index]?.output ?? null });
  const condition = compiled(rule);
  const fails = (values: Record<string, unknown>): boolean => {
    try {
      return !condition.holds(values);
    } catch {
      return true;
    }
  };
  const who =
    rule.each === undefined
      ? fails({ answers: good.map(answer) })
        ? good
        : []
      : good.filter((index) => fails({ answer: answer(index) }));
  return who.length > 0 ? { rule, who } : undefined;
}

const wordsOf = ({ say, must, each = "" }: Rule): string => say ?? must ?? each;

const namesOf = (branches: readonly Branch[], who: readonly number[]): string[] =>
  who.map((index) => branches[index]?.agent ?? "");

/** Everybody concerned is asked once, about all that concerns them; whoever fails to answer keeps the old answer. */
async function clarify(
  ctx: RunContext,
  jobs: readonly Asked[],
  branches: readonly Branch[],
  broken: readonly Broken[],
): Promise<readonly Branch[]> {
  const concerned = [...new Set(broken.flatMap(({ who }) => who))].sort((a, b) => a - b);
  ctx.tell(`asking ${counted(concerned.length, "agent")} to clarify`);
  const settled = await ctx.map(
    concerned,
    (index, branch) => {
      const job = jobs[index];
      if (!job) throw new Failure("BUG", "a conflict is about nobody");
      const brief = [job.question.brief, FENCE_RULE].filter((each) => each !== undefined);
      const prompt = clarifyPrompt(job.question.prompt, branches, index, broken);
      return branch.call(job.agent, { ...job.question, prompt, brief: [...new Set(brief)].join("\n\n") });
    },
    { join: { kind: "settle" } },
  );
  return branches.map((branch, index) => {
    const result = settled[concerned.indexOf(index)];
    const job = jobs[index];
    return result?.ok && job ? branchOf(job, result) : branch;
  });
}

function clarifyPrompt(
  question: string,
  branches: readonly Branch[],
  index: number,
  broken: readonly Broken[],
): string {
  const mine = broken.filter(({ who }) => who.includes(index));
  const others = mine.some(({ rule }) => rule.must !== undefined)
    ? branches.filter((branch, other) => other !== index && branch.status === "succeeded")
    : [];
  return paragraphs(
    question,
    quoted("# Your answer", "your answer", branches[index]?.output),
    ...others.map(({ agent, output }) => quoted(`# The answer of ${JSON.stringify(agent)}`, agent, output)),
    quoted("# What does not hold", "rules", mine.map(({ rule }) => `- ${wordsOf(rule)}`).join("\n")),
    "Look at it again, and answer the whole task anew: mend what is wrong in your answer; what is right keep, and say why.",
  );
}

type Settled = Pick<Conflict, "settled_by" | "note">;

async function escalate(
  ctx: RunContext,
  { rule, who }: Broken,
  branches: readonly Branch[],
  on_conflict: Terms["on_conflict"],
): Promise<Settled> {
  if (on_conflict !== "human" || !rule.critical) return { settled_by: null };
  const answers = who.map((index) => ({ agent: branches[index]?.agent, output: branches[index]?.output }));
  const told = await ctx.wait("conflict", { kind: "answer", show: { rule: wordsOf(rule), answers } });
  if (told.how === "expired") return { settled_by: null };
  if (told.how === "rejected")
    throw new Failure("REJECTED", `a person rejected the answers: ${told.note ?? wordsOf(rule)}`);
  const value = "value" in told ? told.value : undefined;
  const note =
    typeof value === "string" ? value : (told.note ?? (value === undefined ? undefined : JSON.stringify(value)));
  return { settled_by: "human", ...(note !== undefined && { note }) };
}

/** What whoever merges is told of the conflicts. */
export const conflictNotes = (conflicts: readonly Conflict[]): string | undefined =>
  conflicts.length === 0
    ? undefined
    : quoted(
        "# Conflicts",
        "conflicts",
        conflicts
          .map(({ rule, agents, settled_by, note }) => {
            const end = settled_by === null ? "not settled: say so" : `settled by ${settled_by}`;
            return `- ${rule} (${listed(agents)}): ${end}${note === undefined ? "" : `: ${note}`}`;
          })
          .join("\n"),
      );
