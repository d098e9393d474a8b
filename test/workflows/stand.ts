import type { Run } from "../../src/core/store.ts";
import { patterns as listed } from "../../src/patterns/index.ts";
import { makeRunWorkflow } from "../../src/workflows/run-workflow.ts";
import { eventually, type HouseOptions, openHouse, PRICE } from "../house.ts";

const patterns = [...listed, makeRunWorkflow(listed)];
const MODELS = ["a", "b", "c", "d", "e"];

/** A house that plays workflows, with the models `oa/a` to `oa/e`. */
export async function openStage(options: HouseOptions = {}) {
  const prices = Object.fromEntries(MODELS.map((model) => [model, PRICE]));
  const settings = { model: "oa/a", ...options.settings };
  const house = await openHouse({ prices, ...options, settings, patterns });

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
    /** Plays a definition to its end, or to its first wait. */
    graph: (definition: unknown, input: object = {}, more: Parameters<typeof house.play>[2] = {}) =>
      house.play("run_workflow", { definition, ...input }, more),
    /** What each model was asked, in order. */
    asked: (model: string) => house.vendor.requests.filter((one) => one.model === model).map(({ user }) => user),
    /** Waits until a model has been asked. */
    eventuallyAsked: (model: string) => eventually(() => house.vendor.requests.some((one) => one.model === model)),
    places: async (id: string) => (await house.store.memory(id)).lines.map(({ place }) => place),
  };
}
