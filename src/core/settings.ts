import { z } from "zod";
import { ToolGrant } from "./agent.ts";
import { WebhookSettings } from "./alert.ts";
import { BreakerPolicy, Budget, Limits, RetryPolicy } from "./limits.ts";
import { MemorySettings } from "./memory.ts";
import { RehearsalPlan } from "./provider.ts";
import { ServerSettings } from "./toolbox.ts";

const Price = z.strictObject({
  input_per_mtok: z.number().nonnegative(),
  cached_per_mtok: z.number().nonnegative().optional(),
  cache_write_per_mtok: z.number().nonnegative().optional(),
  output_per_mtok: z.number().nonnegative(),
});

export const ProviderSettings = z.strictObject({
  /** Which protocol it speaks; known names (`openai`, `anthropic`, `ollama`, …) need none. */
  type: z.enum(["openai", "anthropic", "rehearsal", "cassette"]).optional(),
  /** What a cassette plays back. */
  file: z.string().min(1).optional(),
  /** The environment variable that holds its key; the key itself is never in the file. */
  api_key_env: z.string().optional(),
  base_url: z.url().optional(),
  /** Costs nothing, as models on one's own machine do. */
  free: z.boolean().optional(),
  concurrency: z.int().positive().optional(),
  rpm: z.int().positive().optional(),
  tpm: z.int().positive().optional(),
  /** The reserve of one call in USD where its model has no known price. */
  max_usd: z.number().positive().optional(),
  /** Local servers that know `max_tokens` only. */
  max_tokens_field: z.enum(["max_completion_tokens", "max_tokens"]).optional(),
  /** Takes pictures and documents; the vendors of the names `openai` and `anthropic` do, others where this says so. */
  media: z.boolean().optional(),
  /** What one search of the vendor's own costs, in USD; with it, a server that speaks Anthropic's messages may search. */
  search_usd: z.number().nonnegative().max(100).optional(),
});
export type ProviderSettings = z.output<typeof ProviderSettings>;

const Host = z
  .string()
  .regex(
    /^(http:\/\/)?(\*\.)?([\w-]+(\.[\w-]+)*|\[[\da-fA-F:.]+\])(:\d{1,5})?$/,
    "expected a host, such as api.example.com, api.example.com:8443, *.example.com or http://intranet:8080",
  );

/** A host that requests of workflows may go to; with `secrets`, the variables that may be sent there in headers. */
const HostRule = z.union([
  Host,
  z.strictObject({ host: Host, secrets: z.array(z.string().regex(/^[A-Za-z_]\w*$/)).default([]) }),
]);
export type HostRule = z.output<typeof HostRule>;

/** Who is run when something happens; the same words as `on` in a workflow file. */
export const SubscriptionSettings = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.:/*-]{1,80}$/, "a name has letters, digits and . : / * _ - (at most 80)")
    .optional(),
  on: z.strictObject({
    type: z.string().min(1).max(200),
    where: z.string().min(1).max(2000).optional(),
    correlation_id: z.string().min(1).max(200).optional(),
  }),
  run: z.string().min(1).max(200),
  inputs: z.record(z.string(), z.unknown()).optional(),
  attempts: z.int().min(1).max(20).optional(),
});
export type SubscriptionSettings = z.output<typeof SubscriptionSettings>;

const Caps = Budget;

/** All settings, as they are when nothing is said. One file, or the environment, may say otherwise. */
export const Settings = z.strictObject({
  model: z.string().optional(),
  models: z.record(z.string(), z.string()).default({}),
  home: z.string().optional(),
  database: z.string().default("sqlite"),
  queue: z.string().default("local"),
  folders: z.array(z.string()).default([]),
  hosts: z.array(HostRule).default([]),
  providers: z.record(z.string(), ProviderSettings).default({}),
  prices: z.record(z.string(), Price).default({}),
  budgets: z
    .strictObject({
      run: Caps.optional(),
      run_max: Caps.optional(),
      day: Caps.optional(),
      caller: Caps.optional(),
    })
    .default({}),
  limits: Limits.partial().default({}),
  retry: RetryPolicy.partial().default({}),
  breaker: BreakerPolicy.partial().default({}),
  /** What becomes of a call when nobody who could answer it can be reached. */
  on_outage: z.enum(["fail", "wait"]).default("fail"),
  agents: z
    .array(z.string())
    .default([
      ...["agents", ".claude/agents", ".github/agents", ".cursor/agents", ".codex/agents", ".gemini/agents"],
      ...[".opencode/agents", ".opencode/agent"],
    ]),
  workflows: z.array(z.string()).default(["workflows"]),
  subscriptions: z.array(SubscriptionSettings).default([]),
  /** Servers whose tools agents may be given, by the name that agents say. */
  mcp_servers: z
    .record(
      z.string().regex(/^(?!baton$)[\w.-]{1,40}$/, "a name has letters, digits and _ . - (`baton` is taken)"),
      ServerSettings,
    )
    .default({}),
  /** What the names of tools in agent files mean here, such as `Edit: files/edit_file`. */
  tools: z.record(z.string(), z.union([ToolGrant, z.array(ToolGrant)])).default({}),
  auth: z.strictObject({ tokens_env: z.string().default("BATON_TOKENS") }).optional(),
  /** May the model that calls for a run decide its waits, and where the tokens of those are who may decide all. */
  approvals: z
    .strictObject({ self: z.boolean().default(true), approvers_env: z.string().default("BATON_APPROVERS") })
    .default({ self: true, approvers_env: "BATON_APPROVERS" }),
  /** What becomes of keys and private keys that stand in a text before it goes to a vendor. */
  secrets: z.enum(["redact", "refuse", "send"]).default("redact"),
  /** Who is told of what people must know. */
  alerts: z.strictObject({ webhooks: z.array(WebhookSettings).default([]) }).default({ webhooks: [] }),
  policy: z.strictObject({ providers: z.array(z.string()).optional() }).default({}),
  /** How long and how much is remembered beyond runs. */
  memory: MemorySettings.default(MemorySettings.parse({})),
  cache: z.strictObject({ ttl: z.number().positive() }).optional(),
  rehearsal: z.union([z.boolean(), RehearsalPlan]).optional(),
  toolsets: z.array(z.enum(["default", "admin"])).default(["default"]),
  read_only: z.boolean().default(false),
  /** How long calls in flight may go on when a server is told to end. */
  drain_seconds: z.number().min(0).max(3600).default(10),
  /** What a stdio server leaves unfinished is played on by a process of its own. */
  outlive: z.boolean().default(true),
  port: z.int().min(0).max(65_535).default(7717),
  log: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
});
export type Settings = z.output<typeof Settings>;

export const DEFAULT_LIMITS: Limits = {
  runs: 8,
  calls: 16,
  queued: 1000,
  depth: 3,
  width: 32,
  rounds: 5,
  input_bytes: 1_048_576,
  first_token_seconds: 300,
  idle_seconds: 60,
  call_seconds: 600,
  min_output_tokens: 256,
};

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 4,
  initial_ms: 1000,
  factor: 2,
  max_ms: 30_000,
  on: ["rate_limited", "overloaded", "timeout", "network"],
};

export const DEFAULT_BREAKER: BreakerPolicy = { failures: 5, cooldown_seconds: 30 };

/** USD; used where the settings say nothing, and then not an explicit cap. */
export const DEFAULT_BUDGETS = { run: { usd: 1 }, run_max: { usd: 5 }, day: { usd: 20 }, caller: { usd: 10 } } as const;
