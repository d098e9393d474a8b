import type { Deed } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import type { WaitAnswer } from "../core/pattern.ts";
import { joinPlace } from "../core/place.ts";
import type { Run } from "../core/store.ts";
import { actionOf } from "../core/toolbox.ts";
import type { Frame } from "./frame.ts";
import type { Playing } from "./playing.ts";
import { Waiting } from "./waiting.ts";

/** Where somebody is asked whether a fork may do what changes the world. */
export const consentPlace = (place: string): string => joinPlace(place, "~effect");

/**
 * Must somebody allow it? A fork repeats what its source may have done, and nobody has approved that. What is of high
 * risk only a person lets go unasked.
 */
export function needsConsent({ source, fork }: Pick<Run, "source" | "fork">, { effect, high_risk }: Deed): boolean {
  if (source === undefined || !effect) return false;
  return high_risk ? fork?.effects !== "run" : fork?.effects === undefined;
}

/** Asks a person whether an effect may be had in this fork, and tells what follows. */
export function askConsent(
  play: Playing,
  frame: Frame,
  place: string,
  deed: Deed,
  then: { readonly yes: () => void; readonly no: (failure: Failure) => void },
): void {
  const { high_risk } = deed;
  const why = `this run is a fork of ${play.run.source}: it would do this again, or for the first time`;
  const choices = ["approve", "reject"] as const;
  const action = actionOf(deed);
  const ask = { kind: "approval", show: { why }, action, choices, ...(high_risk && { high_risk }) } as const;
  const done = ({ how }: WaitAnswer) => (how === "approved" ? then.yes() : then.no(refused(place)));
  new Waiting(play, frame, consentPlace(place), ask, { done, fail: then.no }).begin();
}

const refused = (place: string): Failure =>
  new Failure("REJECTED", `${place} was not allowed to be done in this fork`, { step: place });
