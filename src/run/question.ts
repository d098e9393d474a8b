import { z } from "zod";
import { type AgentRef, type AgentSpec, agentTag, refName } from "../core/agent.ts";
import type { Catalogue } from "../core/catalogue.ts";
import type { Desk } from "../core/desk.ts";
import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Task } from "../core/pattern.ts";
import type { JsonSchema, Message } from "../core/provider.ts";

/** A task put to an agent: who it is, what it is told, and the one fingerprint of all that reaches the model. */
export interface Question {
  readonly spec: AgentSpec;
  readonly system: string;
  readonly prompt: string;
  readonly shape: JsonSchema | undefined;
  readonly shape_version: string | undefined;
  readonly print: string;
}

/** A reference that means nobody is still a question: its failure is remembered at its place like any other. */
export type Asked = { readonly print: string } & (
  | { readonly question: Question }
  | { readonly question?: undefined; readonly failure: Failure }
);

export function ask(desk: Desk, catalogue: Catalogue, ref: AgentRef, task: Task<unknown>): Asked {
  try {
    const spec = desk.find(catalogue, ref);
    const shape = task.shape && schemaOf(task.shape);
    const system = [spec.system, task.brief].filter(Boolean).join("\n\n");
    const print = fingerprint({
      kind: "call",
      system,
      prompt: task.prompt,
      model: spec.models[0],
      temperature: spec.temperature,
      shape,
    });
    const shape_version = shape && fingerprint(shape).slice(0, 8);
    return { print, question: { spec, system, prompt: task.prompt, shape, shape_version, print } };
  } catch (error) {
    const failure = Failure.from(error).with({ agent: refName(ref) });
    return { print: fingerprint({ kind: "call", ref, prompt: task.prompt }), failure };
  }
}

/** The dialogue of a repair turn: the question, the useless answer, and what was wrong with it. */
export function messages(question: Question, repair?: { readonly reply: string; readonly problem: string }): Message[] {
  const first: Message = { role: "user", content: question.prompt };
  if (!repair) return [first];
  const again = `Your answer cannot be used: ${repair.problem}. Answer again, whole and mended, with nothing else.`;
  if (repair.reply.trim() === "") return [{ role: "user", content: `${question.prompt}\n\n${again}` }];
  return [first, { role: "assistant", content: repair.reply }, { role: "user", content: again }];
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
