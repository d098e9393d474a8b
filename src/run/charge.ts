import type { Ask } from "../core/budget.ts";
import type { Failure } from "../core/errors.ts";
import { costOf, showUsd, toUsd } from "../core/money.ts";
import type { ModelReply } from "../core/provider.ts";
import { NO_USAGE, type Usage } from "../core/usage.ts";
import type { Standing } from "./asking.ts";

export interface Charge {
  readonly usage: Usage;
  readonly estimated: boolean;
}

/** What an answered request costs: the provider's own word, else its tokens at our price and its fees, else its reserve. */
export function chargeOf({ tokens, usd, fees = 0, estimated = false }: ModelReply, { card, flat }: Ask): Charge {
  const price = usd ?? (card ? costOf(card, tokens) + fees : undefined);
  const unknown = estimated || price === undefined;
  return {
    usage: { ...tokens, usd: price ?? (flat ?? 0) + fees, calls: 1, ...(unknown && { partial: true }) },
    estimated: estimated || (price === undefined && flat !== undefined),
  };
}

/** What a failed request costs: what it is known to have used, or nothing, or its whole reserve. One not sent is none. */
export function failedUsage(
  failure: Failure,
  ask: Ask,
  reserve: { readonly usd: number; readonly tokens: number },
): Charge {
  const { usage, billed = "unknown" } = failure.options;
  if (failure.code === "CIRCUIT_OPEN") return { usage: NO_USAGE, estimated: false };
  if (usage) {
    const usd = usage.usd > 0 || !ask.card ? usage.usd : costOf(ask.card, usage);
    return { usage: { ...usage, usd, calls: 1 }, estimated: false };
  }
  if (billed === "nothing") return { usage: { ...NO_USAGE, calls: 1 }, estimated: false };
  const input = Math.min(ask.input, reserve.tokens);
  const output = Math.max(0, reserve.tokens - input);
  return { usage: { ...NO_USAGE, input, output, usd: reserve.usd, calls: 1, partial: true }, estimated: true };
}

/** A bill above its reserve can break a cap, and somebody must know. */
export function tellOverrun({ play, place: step }: Standing, model: string, usd: number, reserve: number): void {
  if (usd <= reserve) return;
  const fields = { event: "call.overrun", run_id: play.run.id, step, model };
  const message = `billed ${showUsd(usd)}, and ${showUsd(reserve)} was held`;
  play.stage.log.warn({ ...fields, usd: toUsd(usd), reserve: toUsd(reserve) }, message);
}
