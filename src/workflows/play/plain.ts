import type { Doing, Draft } from "./scene.ts";

/** A text made without a model. */
export function templateDoing({ node, parts }: Draft): Doing {
  const fill = parts.fill(["template"], node.template ?? "");
  return async (_, { all }) => ({ output: fill(all) });
}

/** A value made without a model. */
export function valueDoing({ node, parts }: Draft): Doing {
  const expression = parts.expression("value");
  return async (_, { all }) => ({ output: expression ? expression.value(all) : node.value });
}

/** The first case that holds: its number and its nodes; `else` is -1, with no nodes where nothing is said. */
export function switchDoing({ node, parts }: Draft): Doing {
  const cases = (node.switch?.cases ?? []).map(({ then }, i) => ({
    when: parts.condition("switch", "cases", i, "when"),
    then,
  }));
  return async (_, { all }) => {
    const chosen = cases.findIndex(({ when }) => when?.holds(all));
    return { output: { chosen, nodes: cases[chosen]?.then ?? node.switch?.else ?? [] } };
  };
}
