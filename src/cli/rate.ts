import { userInfo } from "node:os";
import { Failure } from "../core/errors.ts";
import { RatingScore } from "../core/versions.ts";
import { OK } from "./complain.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

export interface RateOptions extends CommonOptions {
  readonly step?: string;
  readonly note?: string;
}

const WORDS: Readonly<Record<string, number>> = { good: 5, bad: 1 };

/** `baton rate`: what a person thinks of a run, or of one step of it, kept for the versions that answered there. */
export const rate = (id: string, said: string, { step = "", note, ...common }: RateOptions): Promise<number> =>
  looking(common, async (baton) => {
    const { store } = await baton.open();
    const wish = { run: id, place: step, by: userInfo().username, score: scoreOf(said) };
    const { score, place, agents } = await store.versions.rate({ ...wish, ...(note !== undefined && { note }) });
    const whom = agents.length > 0 ? agents.join(", ") : "nobody, since nobody has answered yet";
    process.stdout.write(`${place === "" ? id : `${id} ${place}`} is rated ${score} of 5, which counts for ${whom}.\n`);
    return OK;
  });

function scoreOf(said: string): number {
  const { success, data } = RatingScore.safeParse(Object.hasOwn(WORDS, said) ? WORDS[said] : Number(said));
  if (success) return data;
  throw new Failure("INVALID_INPUT", `${JSON.stringify(said)} is no rating`, {
    hint: "It is a number from 1 (useless) to 5 (nothing to mend), or good, or bad.",
  });
}
