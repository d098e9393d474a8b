import type { AgentRef } from "../core/agent.ts";
import { NOTHING } from "../core/budget.ts";
import { worstCost } from "../core/money.ts";
import { plus } from "./caps.ts";
import type { Frame } from "./frame.ts";
import type { Playing } from "./playing.ts";

const BYTES_A_BRANCH = 2048;

/**
 * Keeps back what the call that closes over these branches may need, so that they cannot spend it. Its prompt is not
 * known yet: a bound is guessed, and at most half of what is left is kept.
 */
export function setAside(play: Playing, frame: Frame, closing: AgentRef, branches: number): void {
  try {
    const spec = play.stage.desk.find(play.catalogue, closing);
    const card = play.catalogue.prices[spec.models[0] ?? ""];
    const input = Buffer.byteLength(JSON.stringify(play.run.input)) + branches * BYTES_A_BRANCH;
    const output = spec.max_output_tokens;
    const spent = play.journal.usageUnder("");
    const kept = [...play.asides].map((each) => each.aside ?? NOTHING).reduce(plus, NOTHING);
    const half = (cap: number | undefined, used: number, wanted: number) =>
      cap === undefined ? wanted : Math.max(0, Math.min(wanted, Math.floor((cap - used) / 2)));
    const { usd, tokens, calls } = play.run.caps;
    frame.aside = {
      usd: half(usd, spent.usd + kept.usd, card ? worstCost(card, input, output) : 0),
      tokens: half(tokens, spent.input + spent.output + kept.tokens, input + output),
      calls: calls === undefined ? 0 : Math.min(1, Math.max(0, calls - spent.calls - kept.calls - 1)),
    };
    play.asides.add(frame);
  } catch {
    frame.aside = NOTHING;
  }
}

/** The closing call was not made, or is over: what was kept for it is free. */
export function freeAside(play: Playing, frame: Frame): void {
  frame.aside = undefined;
  if (play.asides.delete(frame)) play.stage.pour();
}
