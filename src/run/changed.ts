import { ZodType } from "zod";
import type { Answer, Task } from "../core/pattern.ts";
import { asText } from "../core/texts.ts";
import type { Teller } from "./call.ts";
import type { Frame } from "./frame.ts";
import type { Playing } from "./playing.ts";

interface Asking {
  readonly task: Task<unknown>;
  readonly tell: Teller<Answer<unknown>>;
}

/**
 * A step as a fork has changed it. Where its pattern reads text, a shape that is asked for now is told as JSON text;
 * where the pattern asks for a shape of its own, that stays, since it reads it.
 */
export function changed(play: Playing, frame: Frame, place: string, { task, tell }: Asking): Asking {
  const change = play.run.fork?.steps?.[place];
  if (!change) return { task, tell };
  const { prompt = task.prompt, output_schema: shape } = change;
  if (!shape) return { task: { ...task, prompt }, tell };
  if (task.shape instanceof ZodType) {
    frame.degrade([`${place}: its output_schema was not changed, since the pattern reads answers of its own shape`]);
    return { task: { ...task, prompt }, tell };
  }
  const isText = task.shape === undefined;
  const done = (answer: Answer<unknown>) => tell.done(isText ? { ...answer, output: asText(answer.output) } : answer);
  return { task: { ...task, prompt, shape }, tell: { ...tell, done } };
}
