import type { Clock } from "../core/clock.ts";
import { Failure } from "../core/errors.ts";
import type { ModelReply, ModelRequest, Provider } from "../core/provider.ts";

/** How long a provider may be silent before its first token, between two of them, and in all. */
export interface Patience {
  readonly first_token_seconds: number;
  readonly idle_seconds: number;
  readonly call_seconds: number;
  /** Told when the answer has begun to come. */
  readonly begun?: () => void;
}

const LETTING_GO_MS = 1000;

/**
 * One request under watch: silence and excess end it by the same controller that a cancel uses.
 * A provider that does not let go when told is left behind after a second.
 */
export async function watched(
  provider: Pick<Provider, "id" | "complete">,
  request: ModelRequest,
  stop: AbortController,
  patience: Patience,
  clock: Clock,
): Promise<{ readonly reply: ModelReply; readonly first_ms: number | undefined }> {
  const began = clock.mono();
  let first: number | undefined;
  const late = (what: string, seconds: number) =>
    stop.abort(new Failure("TIMEOUT", `${provider.id}/${request.model} ${what} ${seconds} s`, { billed: "unknown" }));
  const { first_token_seconds, idle_seconds, call_seconds } = patience;
  const endWhole = clock.after(call_seconds * 1000, () => late("had not ended after", call_seconds));
  let endSilence = clock.after(first_token_seconds * 1000, () => late("sent nothing for", first_token_seconds));
  let heard = began;
  const idle = () => {
    const silent = clock.mono() - heard;
    if (silent >= idle_seconds * 1000) late("fell silent for", idle_seconds);
    // Never less: what rounding leaves of a moment would be waited for again and again.
    else endSilence = clock.after(Math.max(1, idle_seconds * 1000 - silent), idle);
  };
  const beat = () => {
    heard = clock.mono();
    if (first !== undefined) return;
    first = heard - began;
    patience.begun?.();
    endSilence();
    endSilence = clock.after(idle_seconds * 1000, idle);
  };
  let giveUp = () => {};
  const left = new Promise<never>((_, reject) => {
    const abandon = () => {
      giveUp = clock.after(LETTING_GO_MS, () => reject(stop.signal.reason));
    };
    if (stop.signal.aborted) abandon();
    else stop.signal.addEventListener("abort", abandon, { once: true });
  });
  try {
    const reply = await Promise.race([provider.complete(request, { signal: stop.signal, beat }), left]);
    return { reply, first_ms: first };
  } catch (error) {
    const failure = Failure.from(error);
    const ours = stop.signal.aborted && failure.options.usage === undefined && failure.options.billed === undefined;
    throw ours ? Failure.from(stop.signal.reason) : failure;
  } finally {
    endWhole();
    endSilence();
    giveUp();
  }
}
