import { z } from "zod";
import { RetryPolicy } from "./limits.ts";

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
  /** Where it comes from: "built in", a file, "model" or "instructions". */
  source: z.string(),
});
export type AgentSpec = z.output<typeof AgentSpec>;

export const agentTag = (agent: Pick<AgentSpec, "name" | "version">): string => `${agent.name}@${agent.version}`;
