import type { Deed, DeedScene } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { RetryPolicy } from "../core/limits.ts";
import { kept } from "./kept.ts";
import { pauseAfter } from "./ladder.ts";
import type { Playing } from "./playing.ts";

const SECONDS = 60;

/** What is done at a place, with whose patience; it may be repeated where a second time changes nothing. */
interface Attempted extends Pick<Deed, "does" | "input" | "seconds" | "retry" | "subject"> {
  readonly place: string;
  readonly key: string;
  readonly mayRepeat: boolean;
  readonly signal: AbortSignal;
}

/** By this whoever receives a deed knows a repetition of it; what was taken back and is done again is none. */
export const keyOf = ({ run: { id, redone } }: Playing, place: string): string =>
  fingerprint({ run: id, place, redone: redone?.[place] });

/** Does it; again where it may be repeated and its failure passes. Fails when its time is over, or it is stopped. */
export async function attempted(play: Playing, what: Attempted): Promise<unknown> {
  const { subject } = what;
  if (subject === undefined) return inTime(play, what);
  const { guard } = play.stage;
  const refused = guard.refusal(subject);
  if (refused) throw refused;
  try {
    const value = await inTime(play, what);
    guard.ended(subject, undefined);
    return value;
  } catch (error) {
    guard.ended(subject, Failure.from(error));
    throw error;
  }
}

function inTime(play: Playing, what: Attempted): Promise<unknown> {
  const { does, seconds = SECONDS } = what;
  const late = new AbortController();
  const signal = AbortSignal.any([what.signal, late.signal]);
  const stopTimer = play.stage.clock.after(seconds * 1000, () =>
    late.abort(new Failure("TIMEOUT", `${does} had not ended after its ${seconds} seconds`)),
  );
  return new Promise<unknown>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    tried(play, { ...what, signal }, 1).then(resolve, reject);
  }).finally(stopTimer);
}

async function tried(play: Playing, what: Attempted, nth: number): Promise<unknown> {
  const { does, input, place, key, signal } = what;
  const { id: run, caller } = play.run;
  const scene: DeedScene = { run, caller, place, key, signal };
  try {
    return kept(await play.stage.deeds.perform(does, input, scene, play)) ?? null;
  } catch (error) {
    const failure = Failure.from(error);
    const policy = { ...play.catalogue.retry, ...what.retry } as RetryPolicy;
    const again = failure.kind === "transient" && what.mayRepeat && nth < policy.attempts && !signal.aborted;
    if (!again) throw failure;
    const pause = failure.retryAfterMs ?? pauseAfter(nth, policy, play.stage.random);
    await paused(play, Math.min(pause, policy.max_ms), signal);
    return tried(play, what, nth + 1);
  }
}

/** A pause that never ends where it is cut off. */
function paused(play: Playing, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = play.stage.clock.after(ms, resolve);
    signal.addEventListener("abort", stop, { once: true });
  });
}
