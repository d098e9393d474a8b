import type { Graph } from "../graph.ts";
import { type Anatomy, keysWritten, type Level, outward, type Place, type Site } from "../levels.ts";
import type { Finding } from "../problems.ts";
import { readsOf } from "../references.ts";

/** Writes that nobody can put in an order, and reads of what nobody has written. */
export function checkState(anatomy: Anatomy): Finding[] {
  const sound = anatomy.levels.every(({ graph }) => !graph.cycle);
  if (!sound || Object.keys(anatomy.definition.state ?? {}).length === 0) return [];
  return [...anatomy.levels.flatMap((level) => conflicts(anatomy, level)), ...unwritten(anatomy)];
}

function conflicts({ definition: { state = {} } }: Anatomy, level: Level): Finding[] {
  const writers = writersOf(level);
  const guards = guardsOf(level.graph);
  return [...writers].flatMap(([key, names]) => {
    if (!Object.hasOwn(state, key) || state[key]?.merge) return [];
    return inMap(level, key, names) ?? atOnce(level, key, names, guards);
  });
}

const writersAt = new WeakMap<Level, ReadonlyMap<string, readonly string[]>>();

/** Who writes each key: a node itself, or one inside it. */
export function writersOf(level: Level): ReadonlyMap<string, readonly string[]> {
  const writers = writersAt.get(level) ?? findWriters(level);
  writersAt.set(level, writers);
  return writers;
}

function findWriters({ nodes }: Level): Map<string, string[]> {
  const writers = new Map<string, string[]>();
  for (const [name, node] of Object.entries(nodes))
    for (const key of keysWritten(node)) writers.set(key, [...(writers.get(key) ?? []), name]);
  return writers;
}

/** The items of a map go on at once, and each of them writes. */
function inMap({ block, path, nodes }: Level, key: string, [name]: readonly string[]): Finding[] | undefined {
  if (!block?.node.map || name === undefined) return undefined;
  const own = Object.hasOwn(nodes[name]?.writes ?? {}, key);
  const message = `every item of \`${block.name}\` writes \`${key}\`, and they go on at once`;
  return [{ path: [...path, name, ...(own ? ["writes", key] : [])], named: true, message, hint: MERGE }];
}

const MERGE = "say under `state` how the values become one: `merge: append`, union, sum, max, min or merge";

function atOnce(level: Level, key: string, writers: readonly string[], guards: ReadonlyMap<string, Guard>): Finding[] {
  const { graph, path, nodes, block } = level;
  if (block?.node.race) return [];
  for (const [i, second] of writers.entries())
    for (const first of writers.slice(0, i)) {
      if (graph.precedes(first, second) || graph.precedes(second, first)) continue;
      if (areApart(guards.get(first), guards.get(second))) continue;
      const own = Object.hasOwn(nodes[second]?.writes ?? {}, key);
      const message = `\`${first}\` and \`${second}\` may write \`${key}\` at once, and nobody could tell whose value counts`;
      const hint = `let one follow the other (\`after\`), or ${MERGE}`;
      return [{ path: [...path, second, ...(own ? ["writes", key] : [])], named: true, message, hint }];
    }
  return [];
}

/** In which cases of which switches a node is played; of a switch that is not in here, in any. */
type Guard = ReadonlyMap<string, ReadonlySet<number>>;

/** A node is played only where a switch chooses it, and where not all that it follows was skipped. */
function guardsOf(graph: Graph): Map<string, Guard> {
  const guards = new Map<string, Guard>();
  for (const name of graph.order) {
    const guard = new Map(shared((graph.before.get(name) ?? []).map((one) => guards.get(one) ?? new Map())));
    const [only, another] = graph.chosenBy.get(name) ?? [];
    if (only && !another) {
      const around = guard.get(only.switch);
      guard.set(only.switch, new Set(only.cases.filter((one) => !around || around.has(one))));
    }
    guards.set(name, guard);
  }
  return guards;
}

/** What holds of at least one of them. */
function shared(guards: readonly Guard[]): Guard {
  const [first = new Map(), ...others] = guards;
  const common = [...first].filter(([fork]) => others.every((guard) => guard.has(fork)));
  return new Map(common.map(([fork]) => [fork, new Set(guards.flatMap((guard) => [...(guard.get(fork) ?? [])]))]));
}

const areApart = (one: Guard = new Map(), other: Guard = new Map()): boolean =>
  [...one].some(([fork, cases]) => other.has(fork) && ![...cases].some((each) => other.get(fork)?.has(each)));

/** Keys that are read where nobody before has written them, and that have no default. */
function unwritten({ definition: { state = {} }, places }: Anatomy): Finding[] {
  return places.flatMap((place) => {
    const keys = new Set(
      readsOf(place.part).flatMap(({ variable, name }) => (variable === "state" && name ? name : [])),
    );
    return [...keys].flatMap((key) => {
      const isSet = !Object.hasOwn(state, key) || state[key]?.default !== undefined;
      return isSet || isWritten(place, key) ? [] : [unset(place, key)];
    });
  });
}

function unset({ path, level, site }: Place, key: string): Finding {
  const around = outward(level).map(({ block }) => block?.name);
  const writers = outward(level).flatMap((each) => writersOf(each).get(key) ?? []);
  const others = writers.filter((name) => name !== site?.name && !around.includes(name));
  const [first] = others.filter((name) => site && !site.level.graph.precedes(site.name, name));
  const message = `\`state.${key}\` has no default, and no node before this one writes it`;
  const way =
    first === undefined
      ? `write it before (\`writes: {${key}: output}\`)`
      : `follow who writes it: \`after: [${first}]\``;
  return { path, message, hint: `give it a default, or ${way}` };
}

/** Does somebody write the key before a text is filled in? */
export function isWritten({ level, site, part }: Place, key: string): boolean {
  if (!site || (part.scope === "inside" && writersOf(level).has(key))) return writersOf(level).has(key);
  return writtenBefore(site, key);
}

function writtenBefore({ level, name }: Site, key: string): boolean {
  const writers = writersOf(level).get(key) ?? [];
  if (writers.some((writer) => level.graph.precedes(writer, name))) return true;
  return level.block ? writtenBefore(level.block, key) : false;
}
