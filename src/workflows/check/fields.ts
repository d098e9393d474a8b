import type { Definition } from "../definition.ts";
import { type Anatomy, outward, type Place, type Site, siteOf } from "../levels.ts";
import { type Finding, instead } from "../problems.ts";
import { innerNodes, partsOf, type Read, readsOf } from "../references.ts";
import type { World } from "../world.ts";
import { type Dead, deadEnd, itemsAt, type Shape, shapeOf } from "./shapes.ts";

/** Fields that are read from values which have none of that name. */
export const checkFields = (anatomy: Anatomy, world: World): Finding[] =>
  anatomy.places.flatMap((place) => {
    const reads = new Map(readsOf(place.part).map((read) => [read.path.join("."), read]));
    return [...reads.values()].flatMap((read) => dead(anatomy, place, read, world));
  });

/** A value that is read: its name in the text, what is known of it, and the names read from it. */
interface Source {
  readonly said: string;
  readonly shape: Shape;
  readonly names: readonly string[];
  readonly site?: Site | undefined;
}

function dead(anatomy: Anatomy, place: Place, read: Read, world: World): Finding[] {
  const source = sourceOf(anatomy.definition, place, read, world);
  const end = source && deadEnd(source.shape, source.names);
  return end ? [{ path: place.path, ...wordsFor(source, end) }] : [];
}

function sourceOf(
  definition: Definition,
  place: Place,
  { variable, name, path }: Read,
  world: World,
): Source | undefined {
  if (variable === "item") return { said: "item", shape: itemShape(definition, place, world), names: path.slice(1) };
  if (variable === "output" && isOwnOutput(place.part) && place.site)
    return { said: "output", shape: shapeOf(place.site.node, world), names: path.slice(1), site: place.site };
  if (name === undefined) return undefined;
  if (variable === "inputs")
    return { said: `inputs.${name}`, shape: own(definition.inputs, name), names: path.slice(2) };
  if (variable === "state") return { said: `state.${name}`, shape: own(definition.state, name), names: path.slice(2) };
  if (variable === "last") return lastSource(place, name, path, world);
  const site = variable === "nodes" && path[2] === "output" ? siteOf(place.level, name) : undefined;
  return site && { said: `nodes.${name}.output`, shape: shapeOf(site.node, world), names: path.slice(3), site };
}

/** In `verify`, what was found is read, and not what the node gives. */
const isOwnOutput = ({ scope, path }: Place["part"]): boolean => scope === "after" && path[0] !== "verify";

const own = <T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  record && Object.hasOwn(record, name) ? record[name] : undefined;

function lastSource({ level }: Place, name: string, path: readonly string[], world: World): Source | undefined {
  const loop = outward(level).find(({ block }) => block?.node.loop);
  const node = own(loop?.nodes, name);
  return node && { said: `last.${name}`, shape: shapeOf(node, world), names: path.slice(2) };
}

/** What the items of a map look like, where `over` is nothing but a name. */
function itemShape(definition: Definition, place: Place, world: World): Shape {
  const map = place.part.scope === "inside" && place.site?.node.map ? place.site : mapAround(place);
  const part = map && partsOf(map.node).find(({ path }) => path.join() === "map,over");
  const [read] = part && /^[\w.]+$/.test(part.text) ? readsOf(part) : [];
  if (!map || !part || !read) return undefined;
  const source = sourceOf(definition, { part, path: [], level: map.level, variables: [], site: map }, read, world);
  return source && itemsAt(source.shape, source.names);
}

const mapAround = ({ level }: Place): Site | undefined => outward(level).find(({ block }) => block?.node.map)?.block;

function wordsFor({ said, names, site }: Source, { at, why, names: known }: Dead): Omit<Finding, "path"> {
  const name = names[at] ?? "";
  const before = [said, ...names.slice(0, at)].join(".");
  if (why === "unlisted")
    return { message: `\`${before}\` has no field \`${name}\``, ...instead(name, known, `${before}.`) };
  if (why === "list") {
    const inside = site && Object.hasOwn(innerNodes(site.node) ?? {}, name);
    const hint = inside
      ? `each of its items is what \`${name}\` gave`
      : `read an item of it, such as ${before}[0].${name}`;
    return { message: `\`${before}\` is a list and has no field \`${name}\``, hint };
  }
  if (why === "plain") return { message: `\`${before}\` has no fields, and so no \`${name}\`` };
  const message = `\`${before}\` is a text and has no field \`${name}\``;
  const isUnshaped = at === 0 && site?.node.agent !== undefined && site.node.output_schema === undefined;
  if (!isUnshaped) return { message };
  return {
    message: `${message}: \`${site?.name}\` has no \`output_schema\``,
    hint: `say there what it gives, such as \`output_schema: {type: object, properties: {${name}: {type: string}}, required: [${name}]}\``,
  };
}
