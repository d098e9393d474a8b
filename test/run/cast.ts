import { find } from "../../src/agents/find.ts";
import { read } from "../../src/agents/read-reply.ts";
import type { AgentSpec } from "../../src/core/agent.ts";
import type { Catalogue } from "../../src/core/catalogue.ts";
import type { Desk } from "../../src/core/desk.ts";
import type { BreakerPolicy, Budget, Limits, RetryPolicy } from "../../src/core/limits.ts";
import type { Provider } from "../../src/core/provider.ts";
import { DEFAULT_LIMITS } from "../../src/core/settings.ts";
import { PRICE } from "./vendor.ts";

export const LEASE_MS = 200;

export const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  runs: 4,
  calls: 4,
  first_token_seconds: 0.12,
  idle_seconds: 0.08,
  call_seconds: 0.2,
  min_output_tokens: 20,
  max_output_tokens: 100,
};

export const RETRY: RetryPolicy = {
  attempts: 3,
  initial_ms: 10,
  factor: 2,
  max_ms: 100,
  on: ["rate_limited", "overloaded", "timeout", "network"],
};

export const BREAKER: BreakerPolicy = { failures: 5, cooldown_seconds: 0.15 };

/** Caps of a caller and a day. */
export interface Purse {
  readonly caller: Budget;
  readonly day: Budget;
}

export const BUDGETS = { run: {}, run_max: {}, explicit: { run: true, day: true } };

const agent = (name: string, models: readonly string[], more: Partial<AgentSpec> = {}): AgentSpec => ({
  name,
  version: "1",
  description: name,
  system: `You are ${name}.`,
  models: [...models],
  max_output_tokens: 100,
  source: "test",
  ...more,
});

const TEAM = [
  agent("ann", ["tin/small"]),
  agent("bob", ["tin/small", "oak/large"]),
  agent("cyd", ["oak/large"], { concurrency: 1 }),
  agent("dan", ["oak/large", "tin/small", "oak/other"], { max_output_tokens: 60 }),
  agent("eli", ["tin/small", "oak/large"], {
    tools: ["desk/*"],
    scratchpad: { read: ["*"], write: ["*"] },
    max_turns: 3,
  }),
];

export const CATALOGUE: Catalogue = {
  agents: Object.fromEntries(TEAM.map((each) => [each.name, each])),
  model: "tin/small",
  models: {},
  prices: { "tin/small": PRICE, "oak/large": PRICE, "oak/other": PRICE },
  limits: LIMITS,
  retry: RETRY,
};

/** A desk with a fixed team; replies are read as they always are. */
export const deskOf = (providers: ReadonlyMap<string, Provider>): Desk => ({
  has: () => false,
  fresh: async () => {},
  retired: () => undefined,
  versions: () => [],
  save: () => {
    throw new Error("nobody saves here");
  },
  pin: () => CATALOGUE,
  find,
  provider: (id) => providers.get(id),
  read,
  list: () => [],
});
