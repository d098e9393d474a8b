import { isUnder } from "../core/place.ts";
import type { Line } from "../core/store.ts";
import type { Remembered } from "./memory.ts";

/** The first line of this generation that a replay has not asked for, though nothing excuses it. */
export function unasked(memory: Remembered, visited: ReadonlySet<string>): string | undefined {
  const lines = [...memory.lines()].filter(({ generation }) => generation === memory.generation);
  const forgotten = lines.filter(({ place }) => !visited.has(place));
  return forgotten.find(({ place }) => !lines.some((line) => excuses(line, place)))?.place;
}

/** Whatever stands inside a branch that lost or ran out of time, or inside a finished pattern, is not asked again. */
function excuses(line: Line, place: string): boolean {
  if (place === line.place || !isUnder(place, line.place)) return false;
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
