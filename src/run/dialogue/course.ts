import type { AgentSpec } from "../../core/agent.ts";
import { MAX_TURNS, MENDINGS } from "../../core/dialogue.ts";
import { Failure } from "../../core/errors.ts";
import type { RunContext, Task } from "../../core/pattern.ts";
import type { Message, ToolUse } from "../../core/provider.ts";
import { type State, stallOf } from "../../core/stalls.ts";
import { asText } from "../../core/texts.ts";
import type { Frame } from "../frame.ts";
import type { Turned } from "../judging.ts";
import type { Playing } from "../playing.ts";
import { checkAnswer, checkTask } from "./guarding.ts";
import { type Kit, kitFor } from "./kit.ts";
import { type Standing, type Taken, takeTurn } from "./turn.ts";
import { stateOfTurn, Uses } from "./uses.ts";

/** A dialogue where it stands. Everything in it is told by its verbs, so that a replay takes the same course. */
export interface Talk {
  readonly play: Playing;
  readonly frame: Frame;
  readonly ctx: RunContext;
  readonly spec: AgentSpec;
  readonly task: Task<unknown>;
}

interface Said {
  readonly output: unknown;
  readonly model: string;
}

/** Somebody who looks again and again may wait for something, so it may be done more often than elsewhere. */
const PATIENCE = 4;

/** Asks until there is an answer: what the model wants done is done in between, so often as its agent may be asked. */
export async function converse(talk: Talk): Promise<Said> {
  const prompt = await checkTask(talk);
  const course = new Course(talk, await kitFor(talk), prompt);
  for (let nth = 1; ; nth++) {
    const said = await course.turn(nth);
    if (said) return said;
  }
}

/** What has been said so far, and what is said next. */
class Course {
  readonly #talk: Talk;
  readonly #kit: Kit;
  readonly #uses: Uses;
  readonly #standing: Standing;
  readonly #most: number;
  readonly #said: Message[] = [];
  #fresh: readonly Message[];
  #last: Taken | undefined;
  #mended = 0;
  readonly #states: State[] = [];

  constructor(talk: Talk, kit: Kit, prompt: string) {
    this.#talk = talk;
    this.#kit = kit;
    this.#uses = new Uses(talk, kit);
    this.#standing = { spec: talk.spec, task: talk.task, rules: kit.rules };
    this.#most = talk.spec.max_turns ?? MAX_TURNS;
    this.#fresh = [user(prompt)];
  }

  /** One turn, and what it wants done. Gives the answer where that is one. */
  async turn(nth: number): Promise<Said | undefined> {
    const { tools } = this.#kit;
    const must_answer = nth >= this.#most && tools.length > 0;
    const fresh = must_answer ? withLastWord(this.#fresh) : this.#fresh;
    const turn = {
      history: [...this.#said],
      fresh,
      tools,
      must_answer,
      ...afterTurn(this.#last),
      ...searches(this.#kit),
    };
    const taken = await takeTurn(this.#talk.play, this.#talk.frame, this.#standing, turn);
    this.#last = taken;
    this.#said.push(...fresh);
    const { output, model } = taken.answer;
    if ("answer" in output) return this.#answered(output.answer, model, must_answer);
    const results = await this.#uses.done(output.uses, taken.answer);
    this.#states.push(stateOfTurn(output.uses, results));
    this.#fresh = [asked(output), { ...user(this.#warning()), results }];
    return undefined;
  }

  /** What it is told where it does again what it did before; so often in a row, and it is ended. */
  #warning(): string {
    const verdict = stallOf(this.#states, { patience: PATIENCE });
    if (verdict.is === "fine") return "";
    if (verdict.is === "warn")
      return "You have done exactly this before, with the same result. Do something else, or answer with what you know.";
    const { name } = this.#talk.spec;
    throw new Failure("STALLED", `${name} does the same again and again with the same result: ${verdict.evidence}`, {
      hint: "Say in its instructions what to do when a tool does not help, or give it a tool that does.",
    });
  }

  /** An answer that a check does not let pass may be mended once. */
  async #answered(answer: unknown, model: string, isLast: boolean): Promise<Said | undefined> {
    const { ctx, spec } = this.#talk;
    const checked = await checkAnswer(this.#talk, answer);
    if ("failure" in checked) {
      if (this.#mended++ >= MENDINGS) throw checked.failure;
      this.#fresh = [assistant(asText(answer)), user(mend(checked.failure))];
      return undefined;
    }
    for (const each of this.#uses.unanswered) ctx.degrade(`${spec.name} answered without ${each}`);
    if (isLast) ctx.degrade(`${spec.name} had no turns left (max_turns: ${this.#most}) and answered with what it knew`);
    return { output: checked.answer, model };
  }
}

const afterTurn = (last: Taken | undefined) => (last ? { after: last.place, before: last.print } : {});

const searches = ({ web_search }: Kit) => (web_search ? { web_search } : {});

const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });

const asked = ({ text, uses, kept }: Extract<Turned, { uses: readonly ToolUse[] }>): Message => ({
  ...assistant(text),
  uses,
  ...(kept && { kept }),
});

const mend = ({ message }: Failure): string =>
  `Your answer cannot be taken: ${message}. Answer again, whole and mended, with nothing else.`;

const LAST_WORD =
  "This is your last turn: no tool can be used any more. Answer now with what you know, and say what is open.";

/** What is said to the model for the last time. */
function withLastWord(fresh: readonly Message[]): Message[] {
  const last = fresh.at(-1) ?? user("");
  return [...fresh.slice(0, -1), { ...last, content: [last.content, LAST_WORD].filter(Boolean).join("\n\n") }];
}
