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
  const raw = place.match(/(?:\\.|[^\\/])+/g) ?? [];
  return raw.map((name) => name.replace(/\\(.)/g, "$1"));
}
