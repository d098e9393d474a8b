import { isBrokenCircuitError, isIsolatedCircuitError } from "cockatiel";
import { Failure } from "../core/errors.ts";
import type { Provider } from "../core/provider.ts";
import type { Door, Switch } from "../core/store.ts";

/** A refusal of whom another process has found to be out of order. */
export const isShut = ({ subject, failures, last }: Door, ms: number): Failure =>
  new Failure("CIRCUIT_OPEN", `${subject} has failed ${failures} times in a row in another process (${last})`, {
    retry_after_ms: Math.ceil(ms),
    hint: "It is tried again by itself when its pause is over; a fallback model or agent answers meanwhile.",
  });

/** A refusal of what a person has switched off. */
export const isOff = ({ subject, off_by, off_at }: Switch): Failure =>
  new Failure("CIRCUIT_OPEN", `${subject} was switched off by ${off_by} at ${new Date(off_at).toISOString()}`, {
    hint: `baton resume ${subject.startsWith("agent:") ? `--agent ${subject.slice(6)}` : `--provider ${subject}`} switches it on again.`,
  });

/** A provider that is first asked for something free, to see whether anybody is there: any answer shows it. */
export const knocking = (provider: Provider): Pick<Provider, "id" | "complete"> => ({
  id: provider.id,
  async complete(request, hooks) {
    try {
      await provider.probe?.(hooks.signal);
    } catch (error) {
      const { code, kind, message, options } = Failure.from(error);
      if (kind !== "permanent") throw new Failure(code, message, { ...options, billed: "nothing" });
    }
    return provider.complete(request, hooks);
  },
});

/** A refusal of the breaker itself, in our words; every other failure as it is. */
export function broken(error: unknown, subject: string): Failure {
  const thrown = error instanceof Error ? error : undefined;
  const refused = isBrokenCircuitError(thrown) || isIsolatedCircuitError(thrown);
  return refused
    ? new Failure("CIRCUIT_OPEN", `${subject} is being spared`, { billed: "nothing", cause: error })
    : Failure.from(error);
}
