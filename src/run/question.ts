import { z } from "zod";
import { type AgentRef, type AgentSpec, agentTag, refName } from "../core/agent.ts";
import type { Catalogue } from "../core/catalogue.ts";
import type { Desk } from "../core/desk.ts";
import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Task } from "../core/pattern.ts";
import type { JsonSchema, Message, ToolSpec } from "../core/provider.ts";
import { misfit } from "../core/shape.ts";

/** A task put to an agent: who it is, what it is told, and the one fingerprint of all that reaches the model. */
export interface Question {
  readonly spec: AgentSpec;
  readonly system: string;
  readonly prompt: string;
  readonly shape: JsonSchema | undefined;
  readonly shape_version: string | undefined;
  readonly print: string;
  /** Where it is a turn of a dialogue: what stands before it, and what may be used. */
  readonly turn?: TurnOf;
  /** How an answer misses what its asker wants beyond the shape that the model is told; undefined where it does not. */
  readonly unfit?: (value: unknown) => string | undefined;
}

/** One turn of a dialogue of an agent with its tools. */
export interface TurnOf {
  /** The place of the turn before. */
  readonly after?: string;
  /** All that was said before. */
  readonly history: readonly Message[];
  /** What is said to the model now. */
  readonly fresh: readonly Message[];
  readonly tools: readonly ToolSpec[];
  /** No tool may be used any more. */
  readonly must_answer: boolean;
  readonly web_search?: { readonly max_uses: number };
}

/** A reference that means nobody is still a question: its failure is remembered at its place like any other. */
export type Asked = { readonly print: string } & (
  | { readonly question: Question }
  | { readonly question?: undefined; readonly failure: Failure }
);

export function ask(desk: Desk, catalogue: Catalogue, ref: AgentRef, task: Task<unknown>): Asked {
  try {
    const spec = desk.find(catalogue, ref);
    const { system, shape, shape_version } = toldOf(spec, task);
    const print = fingerprint({
      kind: "call",
      system,
      prompt: task.prompt,
      model: spec.models[0],
      temperature: spec.temperature,
      effort: spec.effort,
      shape,
    });
    return { print, question: { spec, system, prompt: task.prompt, shape, shape_version, print } };
  } catch (error) {
    const failure = Failure.from(error).with({ agent: refName(ref) });
    return { print: fingerprint({ kind: "call", ref, prompt: task.prompt }), failure };
  }
}

/** What an agent is told beside its task, and the shape that is asked for. */
export function toldOf(spec: AgentSpec, task: Pick<Task<unknown>, "brief" | "shape">) {
  const shape = task.shape && schemaOf(task.shape);
  const system = [spec.system, task.brief].filter(Boolean).join("\n\n");
  return { system, shape, shape_version: shape && fingerprint(shape).slice(0, 8) };
}

/** What is new in a question: its prompt, or what a turn of a dialogue adds. */
export const freshOf = ({ prompt, turn }: Question): readonly Message[] =>
  turn?.fresh ?? [{ role: "user", content: prompt }];

/** The dialogue as it is sent; in a repair turn also the useless answer, and what was wrong with it. */
export function messages(question: Question, repair?: { readonly reply: string; readonly problem: string }): Message[] {
  const all = [...(question.turn?.history ?? []), ...freshOf(question)];
  if (!repair) return all;
  const again = `Your answer cannot be used: ${repair.problem}. Answer again, whole and mended, with nothing else.`;
  if (repair.reply.trim() !== "")
    return [...all, { role: "assistant", content: repair.reply }, { role: "user", content: again }];
  const last = all.pop() ?? { role: "user", content: "" };
  return [...all, { ...last, content: [last.content, again].filter(Boolean).join("\n\n") }];
}

export const tagOf = (question: Question): string => agentTag(question.spec);

const schemas = new WeakMap<z.ZodType, JsonSchema>();

function schemaOf(shape: z.ZodType | JsonSchema): JsonSchema {
  if (!(shape instanceof z.ZodType)) return shape;
  const known = schemas.get(shape);
  if (known) return known;
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io: "input" });
  schemas.set(shape, schema);
  return schema;
}

/** The value as the pattern's own shape reads it (defaults filled in); a problem in words where it does not fit. */
export function fitted(
  task: Task<unknown>,
  value: unknown,
): { readonly value: unknown } | { readonly problem: string } {
  if (!(task.shape instanceof z.ZodType)) return { value };
  const parsed = task.shape.safeParse(value);
  return parsed.success ? { value: parsed.data } : { problem: z.prettifyError(parsed.error) };
}

/** How a value that no model was asked for misses the shape that was; undefined where it has it, or none was asked for. */
export function misshapen(task: Task<unknown>, value: unknown): string | undefined {
  const { shape } = task;
  if (shape === undefined) return undefined;
  if (!(shape instanceof z.ZodType)) return misfit(value, shape);
  const fits = fitted(task, value);
  return "problem" in fits ? fits.problem : undefined;
}
