import { Failure } from "../core/errors.ts";
import type { Message, ModelReply, ToolUse } from "../core/provider.ts";
import type { Standing } from "./asking.ts";
import { fitted, type Question, type TurnOf } from "./question.ts";

export type Judged = { readonly value: unknown } | { readonly failure: Failure };

/** What a turn of a dialogue came to: an answer, or what is to be done before there is one. */
export type Turned =
  | { readonly answer: unknown }
  | { readonly uses: readonly ToolUse[]; readonly text: string; readonly kept?: Message["kept"] };

/** Is a reply what was asked for? An answer that our own clamp cut off is out of budget, and not the model's fault. */
export function judged({ play, question, task }: Standing, reply: ModelReply, clamped: boolean): Judged {
  if (question.turn && reply.uses && reply.uses.length > 0 && reply.stop === "tools")
    return wanted(question.turn, reply, reply.uses);
  const reading = play.stage.desk.read(reply, question.shape);
  if (reading.ok && question.turn) return answered(question, reading.value);
  if (reading.ok) {
    const fits = fitted(task, reading.value);
    return "problem" in fits ? { failure: new Failure("BAD_OUTPUT", fits.problem) } : { value: reading.value };
  }
  if (reading.code !== "TRUNCATED" || !clamped) return { failure: new Failure(reading.code, reading.problem) };
  const scope = task.budget ? ({ scope: "step", kind: "semantic" } as const) : ({ scope: "run" } as const);
  return { failure: new Failure("BUDGET_EXCEEDED", "the answer was cut off at what was left of the budget", scope) };
}

function answered({ unfit }: Question, answer: unknown): Judged {
  const problem = unfit?.(answer);
  if (problem !== undefined) return { failure: new Failure("BAD_OUTPUT", problem) };
  return { value: { answer } satisfies Turned };
}

function wanted({ must_answer }: TurnOf, { text, kept }: ModelReply, uses: readonly ToolUse[]): Judged {
  if (!must_answer) return { value: { uses, text, ...(kept && { kept }) } satisfies Turned };
  return { failure: new Failure("BAD_OUTPUT", "no tool may be used any more, and this asks for one: answer in words") };
}
