import type { OwnDeed } from "./deeds.ts";
import { CHECKS, checkGuard } from "./dialogue/guard-deed.ts";
import { FINDS_KIT, findKit } from "./dialogue/kit-deed.ts";
import { KEEPS_NOTES, keepNotes } from "./dialogue/notes.ts";
import { estimateDeed } from "./forecast.ts";

/** The deeds that read the run in play itself, by name. */
export const OWN_DEEDS: Readonly<Record<string, OwnDeed>> = {
  estimate: estimateDeed,
  [FINDS_KIT]: findKit,
  [KEEPS_NOTES]: keepNotes,
  [CHECKS]: checkGuard,
};
