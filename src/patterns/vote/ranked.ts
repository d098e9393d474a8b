/** A ranking as it counts: options alone, each once; what is no option, or stands there again, is passed over. */
export function rankingOf(given: readonly string[], options: readonly string[]): string[] {
  return [...new Set(given)].filter((option) => options.includes(option));
}

/**
 * Borda's points: the last of n options gets none, each before it one more. Options that a ranking leaves out share
 * evenly what is left, so that every ballot gives the same sum and silence is no vote against.
 */
export function pointsOf(ranking: readonly string[], options: readonly string[]): Map<string, number> {
  const ranked = rankingOf(ranking, options);
  const share = (options.length - ranked.length - 1) / 2;
  return new Map(
    options.map((option) => {
      const at = ranked.indexOf(option);
      return [option, at < 0 ? share : options.length - 1 - at];
    }),
  );
}

/** The ranking that helps a leader most against those who could overtake it: its strongest rival comes last. */
export function rankingFor(leader: string, standing: ReadonlyMap<string, number>): string[] {
  const rivals = [...standing].filter(([option]) => option !== leader).sort(([, a], [, b]) => a - b);
  return [leader, ...rivals.map(([option]) => option)];
}
