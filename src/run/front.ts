import type { Line } from "../core/store.ts";
import type { Remembered } from "./memory.ts";

/** The first line of this generation that a replay has not asked for, though nothing excuses it. */
export function unasked(memory: Remembered, visited: ReadonlySet<string>): string | undefined {
  for (const { place, generation } of memory.lines())
    if (generation === memory.generation && !visited.has(place) && !isExcused(memory, place)) return place;
  return undefined;
}

/** Only a line that stands around a place can excuse it. */
function isExcused(memory: Remembered, place: string): boolean {
  for (let end = place.lastIndexOf("/"); end > 0; end = place.lastIndexOf("/", end - 1)) {
    const line = memory.line(place.slice(0, end));
    if (line?.generation === memory.generation && excuses(line, place)) return true;
  }
  return false;
}

/** Whatever stands inside a branch that lost or ran out of time, or inside a finished pattern, is not asked again. */
function excuses(line: Line, place: string): boolean {
  if (line.kind === "time" || line.kind === "run") return true;
  if (line.kind !== "join") return false;
  const branch = Number(place.slice(line.place.length + 1).split("/", 1)[0]);
  return !tookOf(line).includes(branch);
}

/** The branches that a join counted, in their order. */
export function tookOf(line: Line): readonly number[] {
  const value = line.value;
  if (typeof value !== "object" || value === null || !("took" in value) || !Array.isArray(value.took)) return [];
  return value.took.filter((index): index is number => typeof index === "number");
}
