/**
 * A place in a run is a path of names: `map/2/critic`. `/`, `.` and `\` inside a name are escaped, and half a character
 * is replaced, since no store would give it back.
 */
export const escapeName = (name: string): string => name.toWellFormed().replace(/[\\/.]/g, (c) => `\\${c}`);

/** The n-th use of a name in one place: `critic`, `critic.2`. */
export const nthName = (name: string, n: number): string => (n === 1 ? escapeName(name) : `${escapeName(name)}.${n}`);

export const joinPlace = (path: string, name: string): string => (path === "" ? name : `${path}/${name}`);

/** Is a place the same as, or inside, another? */
export const isUnder = (place: string, outer: string): boolean =>
  outer === "" || place === outer || place.startsWith(`${outer}/`);

/** Is it this place, as it stands or as people write it: without escapes? */
export const isPlace = (place: string, written: string): boolean =>
  place === written || place.replace(/\\(.)/g, "$1") === written;

/** The names of a place, unescaped, for people. */
export function placeNames(place: string): string[] {
  return partsOf(place).map((name) => name.replace(/\\(.)/g, "$1"));
}

/** How two places stand to each other: one around the other, one after the other, or in these two branches of one map. */
export function placesApart(a: string, b: string): "around" | "in turn" | readonly [number, number] {
  const [one, other] = [partsOf(a), partsOf(b)];
  const at = one.findIndex((part, index) => part !== other[index]);
  const [mine, its] = [one[at], other[at]];
  if (mine === undefined || its === undefined) return "around";
  const isMap = /^map(\.\d+)?$/.test(one[at - 1] ?? "");
  return isMap && isIndex(mine) && isIndex(its) ? [Number(mine), Number(its)] : "in turn";
}

const partsOf = (place: string): readonly string[] => place.match(/(?:\\.|[^\\/])+/g) ?? [];
const isIndex = (part: string): boolean => /^\d+$/.test(part);
