import { refName } from "../../core/agent.ts";
import type { Definition } from "../definition.ts";
import { type Anatomy, anatomyOf, type Site } from "../levels.ts";
import { agentsOfNode } from "../named.ts";
import type { Finding } from "../problems.ts";
import type { World } from "../world.ts";

/** So many levels a reader can still follow; the workflow itself is the first. */
const ADVISED = 3;

/** Patterns and workflows that stand inside each other too deep. */
export const lintDepth = (anatomy: Anatomy, world: World): Finding[] =>
  anatomy.sites.flatMap((site) => {
    const depth = 1 + levelsOf(site, world, new Set([anatomy.definition]));
    if (depth <= ADVISED) return [];
    const message = `with this node, patterns and workflows stand ${depth} levels deep`;
    const hint = `${ADVISED} can be followed, and limits.depth refuses more unless it is raised; take a level out`;
    return [{ path: site.path, named: true, message, hint }];
  });

/** How many levels a node adds below its own workflow. */
function levelsOf({ node }: Site, world: World, above: ReadonlySet<Definition>): number {
  const { patterns, workflows } = world;
  const played = node.workflow === undefined ? [] : [node.workflow];
  const asked = agentsOfNode(node, patterns).map(({ ref }) => refName(ref));
  const below = [...played, ...asked].flatMap((name) => workflows?.definition(name) ?? []);
  const depths = below.map((definition) => (above.has(definition) ? 0 : 1 + deepest(definition, world, above)));
  const own = node.pattern === undefined ? 0 : 1;
  return own + Math.max(0, ...depths);
}

function deepest(definition: Definition, world: World, above: ReadonlySet<Definition>): number {
  const within = new Set([...above, definition]);
  return Math.max(0, ...anatomyOf(definition).sites.map((site) => levelsOf(site, world, within)));
}
