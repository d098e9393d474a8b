import { type AgentSpec, agentTag } from "../../core/agent.ts";
import type { Deed } from "../../core/deed.ts";
import { TOOL_OUTPUT_BYTES } from "../../core/dialogue.ts";
import { Failure, type FailureInfo } from "../../core/errors.ts";
import { fence } from "../../core/fence.ts";
import { nearest } from "../../core/nearest.ts";
import type { Answer, RunContext, Settled } from "../../core/pattern.ts";
import type { ToolResult, ToolUse } from "../../core/provider.ts";
import { misfit } from "../../core/shape.ts";
import { type State, stateAs } from "../../core/stalls.ts";
import { asText, cut, listed } from "../../core/texts.ts";
import { BUILT_IN_SERVER, CALLS_TOOL, type OfferedTool, type ToolInput } from "../../core/toolbox.ts";
import { isLimitOfRun } from "../frame.ts";
import { allowed } from "./allowing.ts";
import { consult } from "./consult.ts";
import type { Talk } from "./course.ts";
import { checkUse } from "./guarding.ts";
import type { Kit, Means } from "./kit.ts";
import { type MemoryOp, REMEMBERS } from "./memory-tools.ts";
import { KEEPS_NOTES, type NotesOp } from "./notes.ts";
import { toolAnswer } from "./tool-answer.ts";

/** What came of one use: what others say of it is material, our own words are not. */
interface Outcome {
  readonly text: string;
  readonly is_error: boolean;
}

type Arguments = Readonly<Record<string, unknown>>;

/** So often in a row may a tool fail. */
const ERRORS = 3;
const MOST_WORDS = 2000;

/** What a model wants done in one dialogue, turn by turn. It keeps count of what fails, by what its verbs tell it. */
export class Uses {
  readonly #talk: Talk;
  readonly #kit: Kit;
  readonly #failed = new Map<string, number>();
  readonly #unanswered = new Map<string, string>();

  constructor(talk: Talk, kit: Kit) {
    this.#talk = talk;
    this.#kit = kit;
  }

  /** The tools that gave no answer when they were last called, each with the reason. */
  get unanswered(): readonly string[] {
    return [...this.#unanswered].map(([name, why]) => `${this.#nameOf(name)}: ${why}`);
  }

  /** Does all that one turn wants: what only reads side by side, what changes something in the order in which it is wanted. */
  async done(uses: readonly ToolUse[], asked: Answer<unknown>): Promise<readonly ToolResult[]> {
    const { ctx } = this.#talk;
    const most = ctx.limits.width;
    const settled = await ctx.map(uses.slice(0, most), (use, branch) => this.#one(use, branch, asked), {
      join: { kind: "settle" },
      after: this.#order(uses.slice(0, most)),
    });
    return uses.map((use, index) => this.#result(use, settled[index] ?? tooMany(most)));
  }

  /** As its author knows it. */
  #nameOf(name: string): string {
    const means = this.#kit.means.get(name);
    return means?.is === "tool" ? `${means.offered.server}/${means.offered.tool}` : name;
  }

  #order(uses: readonly ToolUse[]): number[][] {
    const changes = uses.map(({ name }) => changesSomething(this.#kit.means.get(name)));
    return uses.map((_, index) => {
      const before = [...changes.keys()].slice(0, index);
      return changes[index] ? before : before.filter((each) => changes[each]).slice(-1);
    });
  }

  #result({ id, name }: ToolUse, settled: Settled<Outcome>): ToolResult {
    if (!settled.ok && isLimitOfRun(settled.error)) throw Failure.fromInfo(settled.error);
    const { text, is_error } = settled.ok ? settled.value : failed(name, settled.error);
    this.#failed.set(name, is_error ? (this.#failed.get(name) ?? 0) + 1 : 0);
    if (settled.ok && !is_error) this.#unanswered.delete(name);
    if (!settled.ok && isAnothers(this.#kit.means.get(name)))
      this.#unanswered.set(name, cut(`${settled.error.code}: ${settled.error.message}`, 200));
    return { id, content: text, ...(is_error && { is_error }) };
  }

  async #one(use: ToolUse, branch: RunContext, asked: Answer<unknown>): Promise<Outcome> {
    const means = this.#kit.means.get(use.name);
    const problem = this.#problem(use, means);
    if (problem !== undefined || !means) return wrong(problem ?? "");
    const given = use.arguments as Arguments;
    const refused = await checkUse(this.#talk, branch, means, use);
    if (refused !== undefined) return wrong(refused);
    const verdict = await allowed(this.#talk, branch, use.name, means, given);
    if ("refused" in verdict) return wrong(verdict.refused);
    return this.#perform(use, means, verdict.arguments as Arguments, branch, asked);
  }

  /** Why nothing is done at all. */
  #problem({ name, arguments: given }: ToolUse, means: Means | undefined): string | undefined {
    const tools = this.#kit.tools;
    const tool = tools.find((each) => each.name === name);
    if (!tool || !means)
      return unknownTool(
        name,
        tools.map((each) => each.name),
      );
    const most = this.#talk.spec.tool_errors ?? ERRORS;
    if ((this.#failed.get(name) ?? 0) >= most)
      return `${name} has failed ${most} times in a row and is not called again here. Go on without it, and say so in your answer.`;
    if (typeof given !== "object" || given === null || Array.isArray(given))
      return `the arguments are not a JSON object: ${cut(asText(given), 200)}`;
    const misfits = means.is === "tool" ? undefined : misfit(given, tool.input);
    return misfits === undefined ? undefined : `the arguments do not fit: ${misfits}`;
  }

  #perform(use: ToolUse, means: Means, given: Arguments, branch: RunContext, asked: Answer<unknown>): Promise<Outcome> {
    switch (means.is) {
      case "tool":
        return this.#call(use.name, means.offered, given, branch);
      case "consult":
        return this.#consult(use.id, given, branch, asked.at);
      case "notes":
        return this.#notes(means.op, given, branch);
      case "memory":
        return this.#memory(means.op, given, branch);
    }
  }

  async #call(name: string, offered: OfferedTool, given: Arguments, branch: RunContext): Promise<Outcome> {
    const { server, tool, effect, seconds } = offered;
    if (isRehearsed(this.#talk.spec) && goesOut(offered)) return { text: NOT_CALLED, is_error: false };
    const most = this.#talk.spec.tool_output_bytes ?? TOOL_OUTPUT_BYTES;
    const input: ToolInput = { server, tool, arguments: given, most };
    const subject = `tool:${server}/${tool}`;
    const deed: Deed = { does: CALLS_TOOL, input, effect, subject, ...(seconds !== undefined && { seconds }) };
    const { text, is_error } = toolAnswer(await branch.act(name, deed));
    return material(name, text, is_error);
  }

  async #consult(id: string, given: Arguments, branch: RunContext, at: number): Promise<Outcome> {
    const { agent: to, question } = given as { agent: string; question: string };
    const from = agentTag(this.#talk.spec);
    return material(to, await consult(branch, { id, from, to, question, at }), false);
  }

  async #notes(op: NotesOp, given: Arguments, branch: RunContext): Promise<Outcome> {
    const { scratchpad: may, ...spec } = this.#talk.spec;
    const input = { ...given, op, by: agentTag(spec), may };
    return material(`notes_${op}`, asText(await branch.act(`notes_${op}`, { does: KEEPS_NOTES, input })), false);
  }

  async #memory(op: MemoryOp, given: Arguments, branch: RunContext): Promise<Outcome> {
    const { memory: may, ...spec } = this.#talk.spec;
    const input = { ...given, op, agent: agentTag(spec), may };
    if (op === "write" && isRehearsed(spec)) return { text: NOT_CALLED, is_error: false };
    const effect = op === "write" && { effect: { idempotent: true } as const };
    return material(
      `memory_${op}`,
      asText(await branch.act(`memory_${op}`, { does: REMEMBERS, input, ...effect })),
      false,
    );
  }
}

/** A model that makes up what it wants may change nothing in the world, nor reach out of this machine. */
const isRehearsed = ({ models: [model = ""] }: AgentSpec): boolean => model.startsWith("rehearsal/");

const goesOut = ({ server, tool, effect }: OfferedTool): boolean =>
  effect !== false || (server === BUILT_IN_SERVER && tool === "fetch");

const NOT_CALLED =
  "This is a rehearsal: the tool was not called, and nothing was changed. Go on as if it had done what was wanted.";

function changesSomething(means: Means | undefined): boolean {
  if (means?.is === "tool") return means.offered.effect !== false;
  return (means?.is === "notes" || means?.is === "memory") && means.op === "write";
}

/** Does somebody else answer for it? */
const isAnothers = (means: Means | undefined): boolean => means?.is === "tool" || means?.is === "consult";

const material = (name: string, text: string, is_error: boolean): Outcome => ({ text: fence(name, text), is_error });

const wrong = (problem: string): Outcome => ({ text: problem, is_error: true });

/** What went wrong may be told in the words of whoever failed. */
const failed = (name: string, { code, message, hint }: FailureInfo): Outcome =>
  material(name, cut([`${code}: ${message}`, hint].filter(Boolean).join(". "), MOST_WORDS), true);

const tooMany = (most: number): Settled<Outcome> => ({
  ok: true,
  value: wrong(`not done: at most ${most} tools may be used in one turn. Ask for it again in the next.`),
});

function unknownTool(name: string, names: readonly string[]): string {
  const [near] = nearest(name, names);
  return `there is no tool "${name}"; ${near ? `did you mean "${near}"?` : `there are ${listed(names) || "none"}.`}`;
}

/** What a turn came to, so that going in circles is seen: what was wanted, and what came of it. */
export const stateOfTurn = (uses: readonly ToolUse[], results: readonly ToolResult[]): State =>
  stateAs(
    `${uses.map(({ name, arguments: given }) => `${name} ${cut(asText(given), 100)}`).join(" and ")}`,
    uses.map(({ name, arguments: given }) => [name, given]),
    results.map(({ content }) => content),
  );
