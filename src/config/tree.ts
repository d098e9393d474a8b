export type Tree = Readonly<Record<string, unknown>>;

export const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** One tree over another: maps are joined, and of everything else the one above wins. */
export function over(above: unknown, below: unknown): unknown {
  if (above === undefined) return below;
  if (!isTree(above) || !isTree(below)) return above;
  const names = new Set([...Object.keys(below), ...Object.keys(above)]);
  return Object.fromEntries([...names].map((name) => [name, over(own(above, name), own(below, name))]));
}

/** A tree without the names that have no value, as a line does whose entries are all commented out. */
export function withoutNothing(value: unknown): unknown {
  if (!isTree(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutNothing(inner)]));
}

/** The tree that holds one value at a path. */
export const treeOf = (path: readonly string[], value: unknown): unknown =>
  path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);

/** Whether anything stands at a path. */
export function has(tree: unknown, path: readonly PropertyKey[]): boolean {
  const [name, ...rest] = path;
  if (name === undefined) return tree !== undefined;
  if (Array.isArray(tree)) return has(tree[Number(name)], rest);
  return isTree(tree) && has(own(tree, String(name)), rest);
}

const own = (tree: Tree, name: string): unknown => (Object.hasOwn(tree, name) ? tree[name] : undefined);
