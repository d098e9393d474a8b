import { z } from "zod";
import { type AgentRef, refName } from "../core/agent.ts";
import type { Failure, FailureInfo } from "../core/errors.ts";

/** A JSON object of the caller's, such as a JSON Schema. */
export const JsonObject = z.record(z.string(), z.unknown());

/** A failure inside a result: what went wrong with one part of it. */
export const Problem = z.object({
  code: z.string(),
  kind: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  hint: z.string().optional(),
});
export type Problem = z.output<typeof Problem>;

export const problemOf = ({ code, kind, message, retryable, hint }: FailureInfo): Problem => ({
  code,
  kind,
  message,
  retryable,
  ...(hint !== undefined && { hint }),
});

/** Is there no money or time left for any call? A nested cap that refuses is the end of what it caps. */
export const isOver = (failure: Failure): boolean => failure.kind === "limit" || failure.code === "BUDGET_EXCEEDED";

/** The names of agents so that no two are alike: "critic", "critic-2". */
export function distinctNames(refs: readonly AgentRef[], taken: readonly string[] = []): string[] {
  const used = new Set(taken);
  return refs.map((ref) => {
    const name = freeName(refName(ref), used);
    used.add(name);
    return name;
  });
}

/** A name that is not used yet. */
export function freeName(name: string, used: ReadonlySet<string>): string {
  let candidate = name;
  for (let n = 2; used.has(candidate); n++) candidate = `${name}-${n}`;
  return candidate;
}

/** The same agent with instructions of its own; the nearer ones count. */
export const instructed = (ref: AgentRef, instructions: string | undefined): AgentRef =>
  instructions === undefined ? ref : { agent: refName(ref), instructions };

/** Without the keys whose value is undefined. */
export const given = <T extends object>(thing: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(thing).filter(([, value]) => value !== undefined)) as T & {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
