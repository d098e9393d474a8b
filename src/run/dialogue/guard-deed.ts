import { compileCondition } from "../../core/condition.ts";
import type { Guard } from "../../core/guards.ts";
import { redact } from "../../core/redact.ts";
import { misfit } from "../../core/shape.ts";
import { asText } from "../../core/texts.ts";

/** The deed that checks what goes in or comes out. */
export const CHECKS = "guard";

export interface CheckInput {
  readonly what: "input" | "output" | "tool";
  readonly guard: Guard;
  /** A task or an answer; of a call, `{tool, arguments}`. */
  readonly subject: unknown;
}

/** Why it does not pass; or what is left of it where something was taken out. */
export interface Checked {
  readonly problem?: string;
  readonly changed?: unknown;
}

/** A check that nobody need be asked for. */
export async function checkGuard(input: unknown): Promise<Checked> {
  const { guard, subject, what } = input as CheckInput;
  if ("schema" in guard) return orProblem(misfit(readOf(subject), guard.schema));
  if ("when" in guard) return holds(guard, subject, what);
  if ("secrets" in guard) return withoutSecrets(guard.secrets, subject);
  return {};
}

const orProblem = (problem: string | undefined): Checked => (problem === undefined ? {} : { problem });

function holds({ when, message }: Extract<Guard, { when: string }>, subject: unknown, what: string): Checked {
  const values = what === "tool" ? (subject as object) : { text: asText(subject), value: readOf(subject) };
  const condition = compileCondition(when, Object.keys(values));
  return condition.holds({ ...values }) ? {} : { problem: message ?? `\`${when}\` does not hold` };
}

function withoutSecrets(how: "refuse" | "redact", subject: unknown): Checked {
  const clean = redact(subject);
  if (JSON.stringify(clean) === JSON.stringify(subject)) return {};
  return how === "redact" ? { changed: clean } : { problem: "it holds what looks like a secret" };
}

/** A text that is JSON is looked at as what it says. */
function readOf(subject: unknown): unknown {
  if (typeof subject !== "string") return subject;
  try {
    return JSON.parse(subject);
  } catch {
    return subject;
  }
}
