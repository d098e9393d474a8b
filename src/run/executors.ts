import { refName } from "../core/agent.ts";
import type { Answer } from "../core/pattern.ts";
import { asText } from "../core/texts.ts";
import { Call } from "./call.ts";
import { changed } from "./changed.ts";
import { byWorkflow } from "./delegate.ts";
import { byDialogue } from "./dialogue/dialogue.ts";
import { type Asking, type Executor, specOf } from "./executor.ts";
import { byFunction } from "./function.ts";
import { ask } from "./question.ts";

/** A single question to a model: what is left where nothing else is asked for. */
const byModel: Executor = ({ play, frame, place, ref, task, tell }) => {
  new Call(play, frame, place, ask(play.stage.desk, play.catalogue, ref, task), task, tell).begin();
  return true;
};

const EXECUTORS: readonly Executor[] = [byWorkflow, byFunction, byDialogue, byModel];

/** The verb `call`: whoever can answer it does. */
export function answerCall(asking: Asking): void {
  const { play, frame, place } = asking;
  const told = shapedByAgent({ ...asking, ...changed(play, frame, place, asking) });
  EXECUTORS.some((takesUp) => takesUp(told));
}

/** Where a task asks for text, an agent that has a shape of its own gives that, told as JSON. */
function shapedByAgent(asking: Asking): Asking {
  const { play, ref, task, tell } = asking;
  const shape = task.shape || refName(ref).includes("/") ? undefined : specOf(play, ref)?.output_schema;
  if (!shape) return asking;
  const done = (answer: Answer<unknown>) => tell.done({ ...answer, output: asText(answer.output) });
  return { ...asking, task: { ...task, shape }, tell: { ...tell, done } };
}
