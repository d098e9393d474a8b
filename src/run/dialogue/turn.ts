import type { AgentSpec } from "../../core/agent.ts";
import { fingerprint } from "../../core/fingerprint.ts";
import type { Answer, Task } from "../../core/pattern.ts";
import { Call, type Teller } from "../call.ts";
import type { Frame } from "../frame.ts";
import type { Turned } from "../judging.ts";
import type { Playing } from "../playing.ts";
import { misshapen, type Question, type TurnOf, toldOf } from "../question.ts";
import { verb } from "../verb.ts";

/** What stays the same through all turns of a dialogue. */
export interface Standing {
  readonly spec: AgentSpec;
  readonly task: Task<unknown>;
  /** What the agent is told beside its own instructions of what it may use. */
  readonly rules: string;
}

/** A turn with where it stands and what it was asked, which the next one goes on from. */
export interface Taken {
  readonly place: string;
  readonly print: string;
  readonly answer: Answer<Turned>;
}

/** The verb behind each turn: one question to the model, in a line of its own. */
export function takeTurn(
  play: Playing,
  frame: Frame,
  standing: Standing,
  turn: TurnOf & { readonly before?: string },
): Promise<Taken> {
  return verb<Taken>(play, frame, "turn", (place, tell) => {
    const question = questionOf(standing, turn);
    const { print } = question;
    const { budget: _, seconds: __, shape: ___, closing: ____, ...task } = standing.task;
    const done = (answer: Answer<unknown>) => tell.done({ place, print, answer: answer as Answer<Turned> });
    const asked = { print, question };
    const told: Teller<Answer<unknown>> = { ...tell, done };
    new Call(play, frame, place, asked, { ...task, cache: false }, told).begin();
  });
}

/** Its fingerprint is that of the turn before, and what is new. */
function questionOf({ spec, task, rules }: Standing, turn: TurnOf & { readonly before?: string }): Question {
  const told = toldOf(spec, task);
  const system = [told.system, rules].filter(Boolean).join("\n\n");
  const { before, fresh, tools, must_answer, web_search } = turn;
  const print = fingerprint({
    kind: "call",
    system,
    before,
    fresh,
    tools,
    must_answer,
    web_search,
    model: spec.models[0],
    temperature: spec.temperature,
    effort: spec.effort,
    shape: told.shape,
  });
  return { spec, ...told, system, prompt: task.prompt, print, turn, unfit: (value) => misshapen(task, value) };
}
