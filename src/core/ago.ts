const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** A moment as people write it, so long ago (`24h`, `7d`) or a date, in milliseconds since 1970; NaN where it is none. */
export function momentOf(text: string, now: number): number {
  const [, count, unit = ""] = /^(\d+)\s*([mhdw])$/.exec(text.trim()) ?? [];
  return count === undefined ? Date.parse(text) : now - Number(count) * (UNITS[unit] ?? 0);
}
