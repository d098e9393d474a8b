import type { ConfigSource } from "../../src/config.ts";
import type { Run } from "../../src/core/store.ts";
import { openHouse, PRICE } from "../house.ts";
import type { Asked, Reply, Script } from "../stub/script.ts";

const MODELS = ["a", "b", "c", "d", "e", "owl", "sum"];

/** A house whose models are `oa/a` to `oa/e`, `oa/owl` and `oa/sum`, and what a test of patterns asks of it. */
export async function openStand(script: Script, settings: ConfigSource["overrides"] = {}) {
  const prices = Object.fromEntries(MODELS.map((model) => [model, PRICE]));
  const house = await openHouse({ script, prices, settings: { model: "oa/a", ...settings } });

  /** Settles what a run waits for, and comes back when it has ended or waits again. */
  async function decide(id: string, how: "approved" | "rejected" | "answered", value?: unknown): Promise<Run> {
    const [wait] = (await house.store.progress(id)).waiting;
    if (!wait) throw new Error("the run waits for nobody");
    await house.store.decide(id, wait.place, { how, ...(value !== undefined && { value }) }, "test");
    house.engine.nudge(id);
    return house.ended(id);
  }

  return {
    ...house,
    decide,
    /** What was asked, in order: the model and the last words of the user. */
    asked: () => house.vendor.requests.map(({ model, user }) => ({ model, user })),
    models: () => house.vendor.requests.map(({ model }) => model),
  };
}

/** A script in which each model has its own answers, one after another; the last one stays. */
export function byModel(
  answers: Readonly<Record<string, readonly Reply[] | Reply | ((asked: Asked) => Reply)>>,
): Script {
  const counts = new Map<string, number>();
  return (asked) => {
    const answer = answers[asked.model];
    if (typeof answer === "function") return answer(asked);
    const nth = counts.get(asked.model) ?? 0;
    counts.set(asked.model, nth + 1);
    const list: readonly Reply[] = answer === undefined ? [] : Array.isArray(answer) ? answer : [answer as Reply];
    return list[Math.min(nth, list.length - 1)];
  };
}
