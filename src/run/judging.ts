import { Failure } from "../core/errors.ts";
import type { ModelReply } from "../core/provider.ts";
import type { Standing } from "./asking.ts";
import { fitted } from "./question.ts";

export type Judged = { readonly value: unknown } | { readonly failure: Failure };

/** Is a reply what was asked for? An answer that our own clamp cut off is out of budget, and not the model's fault. */
export function judged({ play, question, task }: Standing, reply: ModelReply, clamped: boolean): Judged {
  const reading = play.stage.desk.read(reply, question.shape);
  if (reading.ok) {
    const fits = fitted(task, reading.value);
    return "problem" in fits ? { failure: new Failure("BAD_OUTPUT", fits.problem) } : { value: reading.value };
  }
  if (reading.code !== "TRUNCATED" || !clamped) return { failure: new Failure(reading.code, reading.problem) };
  const scope = task.budget ? ({ scope: "step", kind: "semantic" } as const) : ({ scope: "run" } as const);
  return { failure: new Failure("BUDGET_EXCEEDED", "the answer was cut off at what was left of the budget", scope) };
}
