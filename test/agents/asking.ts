import { setTimeout as sleep } from "node:timers/promises";
import type { ProviderLog } from "../../src/agents/providers/endpoint.ts";
import type { CallHooks, ModelRequest } from "../../src/core/provider.ts";

/** A log that nobody reads. */
export const quiet: ProviderLog = { error() {}, warn() {}, info() {}, debug() {} };

/** A plain question, but for what the test says. */
export const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  model: "test-model",
  system: "You are a critic.",
  messages: [{ role: "user", content: "What is wrong with this plan? It has no tests." }],
  max_output_tokens: 1000,
  agent: "critic",
  nth: 1,
  ...more,
});

/** A call that nobody ends early. */
export const hooks = (): CallHooks => ({ signal: new AbortController().signal, beat() {} });

/** Waits until something is so, for at most 10 s. */
export async function eventually(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 5) {
    if (waited > 10_000) throw new Error(`it did not come: ${isSo}`);
    await sleep(5);
  }
}
