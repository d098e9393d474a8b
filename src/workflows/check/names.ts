import { nearest } from "../../core/nearest.ts";
import { type Anatomy, type Level, outward, type Place, type Site, siteOf } from "../levels.ts";
import { type Finding, instead, noNode } from "../problems.ts";
import { type Path, type Read, readsOf } from "../references.ts";

/** Names of nodes, inputs and state keys that are none. */
export const checkNames = (anatomy: Anatomy): Finding[] => [
  ...anatomy.sites.flatMap((site) => [...followed(site), ...chosen(site), ...written(anatomy, site)]),
  ...anatomy.places.flatMap((place) => distinct(place).flatMap((read) => unknownRead(anatomy, place, read))),
];

const followed = ({ path, level, node }: Site): Finding[] =>
  (node.after ?? []).flatMap((name, i) => besides(level, [...path, "after", i], name));

function chosen({ path, level, node }: Site): Finding[] {
  const cases = (node.switch?.cases ?? []).map(({ then }, i) => [["cases", i, "then"], then] as const);
  const all: (readonly [Path, readonly string[]])[] = [...cases, [["else"], node.switch?.else ?? []]];
  return all.flatMap(([at, names]) => names.flatMap((name, i) => besides(level, [...path, "switch", ...at, i], name)));
}

/** A node that must stand beside: in the same graph. */
function besides(level: Level, path: Path, name: string): Finding[] {
  if (Object.hasOwn(level.nodes, name)) return [];
  const block = level.block?.name;
  if (siteOf(level, name))
    return [{ path, message: `\`${name}\` stands outside of this block`, hint: `name it at \`${block}\`` }];
  return [{ path, ...noNode(name, Object.keys(level.nodes)) }];
}

function written({ definition: { state = {} } }: Anatomy, { path, node }: Site): Finding[] {
  return Object.keys(node.writes ?? {})
    .filter((key) => !Object.hasOwn(state, key))
    .map((key) => ({ path: [...path, "writes", key], named: true, ...noKey(key, Object.keys(state)) }));
}

const noKey = (key: string, keys: readonly string[]): Omit<Finding, "path"> => ({
  message: `the state has no key \`${key}\``,
  ...(keys.length > 0 ? instead(key, keys) : { hint: `declare it: \`state: {${key}: {type: string}}\`` }),
});

/** What a part reads, each thing once. */
const distinct = ({ part }: Place): Read[] => [
  ...new Map(readsOf(part).map((read) => [read.path.slice(0, 3).join("."), read])).values(),
];

function unknownRead(anatomy: Anatomy, place: Place, { variable, name, path }: Read): Finding[] {
  const { inputs = {}, state = {}, on } = anatomy.definition;
  const at = place.path;
  if (variable === "nodes") return nodeRead(anatomy, place, name, path);
  if (name === undefined) return [];
  if (variable === "inputs") {
    const names = [...Object.keys(inputs), ...(on ? ["event"] : [])];
    if (names.includes(name)) return [];
    const hint =
      names.length > 0
        ? instead(name, names, "inputs.")
        : { hint: `declare it: \`inputs: {${name}: {type: string}}\`` };
    return [{ path: at, message: `there is no input \`${name}\``, ...hint }];
  }
  if (variable === "state" && !Object.hasOwn(state, name)) return [{ path: at, ...noKey(name, Object.keys(state)) }];
  if (variable === "last") return lastRead(place, name);
  return [];
}

const FIELDS = ["output", "status", "error"];

function nodeRead(anatomy: Anatomy, place: Place, name: string | undefined, path: readonly string[]): Finding[] {
  const at = place.path;
  if (name === undefined) {
    const message = "it reads `nodes` as a whole, so that nobody can tell which nodes it follows";
    return [{ path: at, message, hint: "read each by its name: nodes.NAME.output" }];
  }
  const site = siteOf(place.level, name);
  if (!site) return [{ path: at, ...nowhere(anatomy, place.level, name) }];
  const early = tooEarly(place, site);
  if (early) return [{ path: at, ...early }];
  const field = path[2];
  if (field === undefined || FIELDS.includes(field)) return [];
  const message = `a node has no \`${field}\``;
  const [near = `output.${field}`] = nearest(field, FIELDS);
  return [{ path: at, message, hint: `did you mean \`nodes.${name}.${near}\`?` }];
}

/** A node reads itself, or the block that it stands in. */
function tooEarly({ part, level, site }: Place, { name, node }: Site): Omit<Finding, "path"> | undefined {
  if (node === site?.node) {
    if (part.scope === "after")
      return { message: `its own output is read as \`output\` here, not as \`nodes.${name}.output\`` };
    const isInLoop = outward(level).some(({ block }) => block?.node.loop);
    const hint = isInLoop ? { hint: `what it gave in the round before is \`last.${name}\`` } : {};
    return { message: `\`${name}\` reads itself before it has been played`, ...hint };
  }
  if (!outward(level).some(({ block }) => block?.node === node)) return undefined;
  return { message: `\`${name}\` is the block around this node, and has not ended yet` };
}

function nowhere({ sites }: Anatomy, level: Level, name: string): Omit<Finding, "path"> {
  const inside = sites.find((site) => site.name === name && site.level.block);
  if (inside?.level.block) {
    const { name: block } = inside.level.block;
    return { message: `\`${name}\` stands inside \`${block}\``, hint: `from outside, read \`nodes.${block}.output\`` };
  }
  return noNode(
    name,
    outward(level).flatMap(({ nodes }) => Object.keys(nodes)),
    "nodes.",
  );
}

/** `last` holds what the nodes of the loop gave in the round before. */
function lastRead({ level, path }: Place, name: string): Finding[] {
  const loop = outward(level).find(({ block }) => block?.node.loop);
  if (!loop || Object.hasOwn(loop.nodes, name)) return [];
  return [{ path, ...noNode(name, Object.keys(loop.nodes), "last.") }];
}
