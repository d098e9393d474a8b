import { z } from "zod";
import { Guards } from "./guards.ts";
import { RetryPolicy } from "./limits.ts";
import { EFFORTS } from "./provider.ts";

/** "critic", "critic@2" or "provider/model"; with `instructions`, an ad-hoc specialist. */
export const AgentRef = z.union([
  z.string().min(1).max(200),
  z.strictObject({
    agent: z.string().min(1).max(200),
    instructions: z.string().min(1).max(100_000).optional(),
  }),
]);
export type AgentRef = z.output<typeof AgentRef>;

export const refName = (ref: AgentRef): string => (typeof ref === "string" ? ref : ref.agent);

const Seconds = z.number().positive().max(86_400);

/** A tool, `server/tool`, or all of a server, `server/*`. The built-in ones stand under `baton`. */
export const ToolGrant = z
  .string()
  .max(200)
  .regex(/^[\w.-]+\/(\*|[\w./-]+)$/, "a tool is `server/tool`, or `server/*` for all of a server");

/** Keys of the scratchpad or of memory: exactly one, or with `*` at its end all that begin so. */
const Keys = z.array(z.string().regex(/^[\w.:/-]{0,100}\*?$/, "a key is a word such as `notes`, or ends in `*`"));

const ReadWrite = z.strictObject({ read: Keys.default([]), write: Keys.default([]) });

/** What answers in place of a model: one deed, its input made from the task by templates. */
const AgentFunction = z.strictObject({
  does: z.string().min(1),
  input: z.unknown(),
  /** It changes the world: it is claimed before it begins, and not repeated blindly. */
  effect: z.union([z.boolean(), z.literal("idempotent")]).optional(),
});

const Schema = z.record(z.string(), z.unknown());

/** An agent is data: who it is, what it is told, which models answer for it. Behaviour lives in patterns. */
export const AgentSpec = z.strictObject({
  name: z.string().min(1),
  /** By content, so that two texts never share a version. */
  version: z.string().min(1),
  /** What its author calls this version, such as 1.2.0; two texts may share it. */
  tag: z.string().optional(),
  description: z.string(),
  system: z.string(),
  /** The models asked in order, each `provider/model`: the first, then its fallbacks. Never empty. */
  models: z.array(z.string()).min(1),
  max_output_tokens: z.int().positive(),
  temperature: z.number().min(0).max(2).optional(),
  first_token_seconds: Seconds.optional(),
  idle_seconds: Seconds.optional(),
  call_seconds: Seconds.optional(),
  concurrency: z.int().positive().optional(),
  retry: RetryPolicy.partial().optional(),
  cache: z.strictObject({ ttl: Seconds.max(31_536_000) }).optional(),
  /** The reserve of one call where no price bounds it. */
  max_usd: z.number().positive().optional(),
  effort: z.enum(EFFORTS).optional(),
  /** What it may call. With any of this its answer is a dialogue: turns of the model, and what it wants done between them. */
  tools: z.array(ToolGrant).optional(),
  /** Those of its tools that a person must allow each time. */
  approve: z.array(ToolGrant).optional(),
  /** How often its model may be asked for one answer. */
  max_turns: z.int().positive().max(200).optional(),
  /** Searches of the vendor's own that one turn may make. */
  web_search: z.strictObject({ max_uses: z.int().positive().max(50) }).optional(),
  /** The agents that it may ask itself. */
  consult: z.array(z.string().min(1)).optional(),
  /** Its keys of the notes that all agents of a run share. */
  scratchpad: ReadWrite.optional(),
  /** Its keys of what is remembered beyond runs. */
  memory: ReadWrite.optional(),
  /** What a result of a tool may be at most, in bytes; the rest is cut, and marked so. */
  tool_output_bytes: z.int().positive().max(10_485_760).optional(),
  /** A tool that has failed so often in a row is not called again for this answer. */
  tool_errors: z.int().positive().max(100).optional(),
  input_schema: Schema.optional(),
  /** The shape of its answer where the task asks for none. */
  output_schema: Schema.optional(),
  guards: Guards.optional(),
  function: AgentFunction.optional(),
  /** Where it comes from: "built in", a file, "model" or "instructions". */
  source: z.string(),
});
export type AgentSpec = z.output<typeof AgentSpec>;

export const agentTag = (agent: Pick<AgentSpec, "name" | "version">): string => `${agent.name}@${agent.version}`;
