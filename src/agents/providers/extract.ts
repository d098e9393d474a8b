const MOST_BYTES = 200_000;

/** The sentences of a text that say most of it, in their order, as many as fit. */
export function extract(text: string, most: number): string[] {
  const sentences = sentencesOf(text.slice(0, MOST_BYTES));
  const weights = weigh(sentences);
  const best = sentences.map((_, index) => index).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
  const kept = new Set<number>();
  let room = most;
  for (const index of best) {
    const length = sentences[index]?.length ?? 0;
    if (kept.size > 0 && length > room) continue;
    kept.add(index);
    room -= length;
    if (kept.size === 5) break;
  }
  return sentences.filter((_, index) => kept.has(index)).map((sentence) => sentence.slice(0, most));
}

/** Fences and markup lines are no sentences. */
function sentencesOf(text: string): string[] {
  const prose = text.replace(/<\/?data-[^>\n]*>/g, "\n").replace(/^#+ /gm, "");
  return prose
    .split(/(?<=[.!?。！？])\s+|\n+/u)
    .map((sentence) => sentence.trim())
    .filter((sentence) => /[\p{L}\p{N}]/u.test(sentence));
}

/** A sentence weighs what its words weigh on average, and a word how often the text says it. */
function weigh(sentences: readonly string[]): number[] {
  const words = sentences.map((sentence) => sentence.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? []);
  const counts = new Map<string, number>();
  for (const word of words.flat()) counts.set(word, (counts.get(word) ?? 0) + 1);
  return words.map((own) => own.reduce((sum, word) => sum + (counts.get(word) ?? 0), 0) / (own.length + 3));
}
