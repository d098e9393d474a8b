import type { AgentSpec } from "../core/agent.ts";
import type { Catalogue } from "../core/catalogue.ts";
import type { StartRequest } from "../core/engine.ts";
import type { World } from "../core/estimate.ts";
import { type Survey, survey } from "../core/survey.ts";
import { listed } from "../core/texts.ts";
import type { Library } from "../core/workflow.ts";
import { type Foresight, outlineOf, worldOf } from "./outlook.ts";

const MOST = 5;
const LONGEST = 300;
/** From this level on, nobody sees any more who does what. */
const DEEP = 3;

/** What a careful reader would change in a request: of its own input, of the workflows in it, and of how deep it goes. */
export function adviceOn(
  { pattern, input }: Pick<StartRequest, "pattern" | "input">,
  catalogue: Catalogue,
  parts: Foresight & { readonly library?: Library | undefined },
): readonly string[] {
  const world = worldOf(catalogue, parts);
  const own = pattern.advice?.(input, world.find) ?? [];
  const names = Object.keys(catalogue.workflows ?? {});
  const cards = parts.library?.list().filter(({ name }) => names.includes(name)) ?? [];
  const saved = cards.flatMap(({ name, warnings }) => warnings.map((warning) => `workflow ${name}: ${warning}`));
  const outline = pattern.workflows && outlineOf({ pattern, input }, catalogue);
  return bounded([...own, ...(outline ? tooDeep(survey(outline, world)) : []), ...saved]);
}

function tooDeep({ depth }: Survey): string[] {
  return depth < DEEP
    ? []
    : [`patterns stand inside each other ${depth} levels deep: a flatter graph costs less and is easier to follow`];
}

/** The first few, each of one glance. */
export function bounded(warnings: readonly string[]): readonly string[] {
  const shown = [...new Set(warnings)].map((warning) =>
    warning.length > LONGEST ? `${warning.slice(0, LONGEST - 1).toWellFormed()}…` : warning,
  );
  return shown.length <= MOST ? shown : [...shown.slice(0, MOST - 1), `and ${shown.length - MOST + 1} more`];
}

/** The models that a cap of money will not let be asked, each with what would allow it. */
export function unpriceable(seen: Survey, world: World, explicit: boolean): string[] {
  const lacking = [...seen.models].filter(([model, spec]) => isUnbounded(model, spec, world));
  if (!explicit) return [];
  return lacking.map(
    ([model]) =>
      `${model} has no known price and there is a cap of money, so that it will not be asked (UNPRICED); ` +
      `add prices: { ${JSON.stringify(model)}: { input_per_mtok: 5, output_per_mtok: 25 } } with its true prices, or give its agent max_usd`,
  );
}

const isUnbounded = (model: string, spec: AgentSpec, { prices, reserve }: World): boolean =>
  !prices[model] && reserve?.(model, spec) === undefined;

/** How the figures of an estimate are to be read. */
export function notesOn(seen: Survey, world: World): string[] {
  const models = [...seen.models.keys()];
  const unpriced = models.filter((model) => !world.prices[model]);
  const free = models.filter((model) => isFree(world, model));
  return [
    seen.unknown.length > 0 && `unknown, since nothing says what they do: ${some(seen.unknown)}`,
    unpriced.length > 0 && `of unknown price, and not in usd.likely: ${some(unpriced)}`,
    free.length > 0 && `free: ${some(free)}`,
    seen.waits.length > 0 && `not in seconds, how long it waits at ${some(seen.waits)}`,
  ].filter((note) => note !== false);
}

const isFree = ({ prices }: World, model: string): boolean => {
  const card = prices[model];
  return card !== undefined && card.input === 0 && card.output === 0 && !card.tiers;
};

const some = (names: readonly string[]): string =>
  names.length <= MOST ? listed(names) : `${listed(names.slice(0, MOST))} and ${names.length - MOST} more`;
