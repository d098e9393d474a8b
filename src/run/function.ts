import { agentTag } from "../core/agent.ts";
import { Failure } from "../core/errors.ts";
import { compileTemplate } from "../core/template.ts";
import { asText } from "../core/texts.ts";
import { NO_USAGE } from "../core/usage.ts";
import { Act } from "./act.ts";
import { type Asking, specOf } from "./executor.ts";
import { misshapen } from "./question.ts";

/** A call that a deed answers and no model: its input is made from the task. */
export function byFunction({ play, frame, place, ref, task, tell }: Asking): boolean {
  const spec = specOf(play, ref);
  if (!spec?.function) return false;
  const { does, effect } = spec.function;
  const input = inputOf(spec.function.input, task.prompt);
  if (input instanceof Failure) {
    tell.fail(input.with({ step: place, agent: agentTag(spec) }));
    return true;
  }
  const deed = {
    does,
    input,
    ...(effect !== undefined && { effect: effect === "idempotent" ? ({ idempotent: true } as const) : effect }),
    ...(task.seconds !== undefined && { seconds: task.seconds }),
    ...(task.retry && { retry: task.retry }),
  };
  const done = (value: unknown) => {
    const wrong = misshapen(task, value);
    if (wrong !== undefined)
      return tell.fail(
        new Failure("BAD_OUTPUT", `what ${spec.name} gives is not what was asked for: ${wrong}`, { step: place }),
      );
    const output = task.shape ? value : asText(value);
    const at = play.memory.line(place)?.at ?? 0;
    tell.done(Object.freeze({ agent: agentTag(spec), model: "function", output, usage: NO_USAGE, at }));
  };
  new Act(play, frame, place, deed, { ...tell, done }).begin();
  return true;
}

/** Made from nothing but the task, so that a replay makes the same. */
function inputOf(written: unknown, task: string): unknown {
  try {
    return filled(written, { task, ...jsonIn(task) });
  } catch (error) {
    return Failure.from(error);
  }
}

const VARIABLES = ["task", "value"];

/** The same with every text in it read as a template over the task. */
function filled(input: unknown, values: Readonly<Record<string, unknown>>): unknown {
  if (typeof input === "string") return compileTemplate(input, VARIABLES).render(values);
  if (Array.isArray(input)) return input.map((item) => filled(item, values));
  if (typeof input !== "object" || input === null) return input;
  return Object.fromEntries(Object.entries(input).map(([key, item]) => [key, filled(item, values)]));
}

/** What a task holds where it is JSON; a template that reads it from another fails. */
function jsonIn(text: string): { readonly value?: unknown } {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return {};
  }
}
