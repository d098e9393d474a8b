/** One line of a difference: in both, only before, or only after. */
export interface DiffLine {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** Beyond so many pairs of lines a middle part is told as a whole: taken out and put in. */
const MOST_PAIRS = 4_000_000;

/** What leads from one text to another, line by line, with the longest common part kept. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  return [
    ...signed(" ", a.slice(0, head)),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...signed(" ", tail === 0 ? [] : a.slice(-tail)),
  ];
}

const signed = (sign: DiffLine["sign"], texts: readonly string[]): DiffLine[] => texts.map((text) => ({ sign, text }));

function middle(a: readonly string[], b: readonly string[]): DiffLine[] {
  if (a.length * b.length > MOST_PAIRS) return [...signed("-", a), ...signed("+", b)];
  const common = commonLengths(a, b);
  const told: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) told.push({ sign: " ", text: a[i++] ?? "" }) && j++;
    else if (at(common, i + 1, j) >= at(common, i, j + 1)) told.push({ sign: "-", text: a[i++] ?? "" });
    else told.push({ sign: "+", text: b[j++] ?? "" });
  }
  return [...told, ...signed("-", a.slice(i)), ...signed("+", b.slice(j))];
}

const at = (table: readonly Uint32Array[], i: number, j: number): number => table[i]?.[j] ?? 0;

/** How many lines the rests from (i, j) on have in common. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint32Array[] {
  const table = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    const row = table[i] ?? new Uint32Array(0);
    for (let j = b.length - 1; j >= 0; j--)
      row[j] = a[i] === b[j] ? at(table, i + 1, j + 1) + 1 : Math.max(at(table, i + 1, j), at(table, i, j + 1));
  }
  return table;
}

/** The changed lines with so many around them; what is left out between is told as `…`. */
export function nearChanges(lines: readonly DiffLine[], around = 2): string[] {
  const near = new Set(
    lines.flatMap(({ sign }, n) =>
      sign === " " ? [] : Array.from({ length: 2 * around + 1 }, (_, k) => n - around + k),
    ),
  );
  const told: string[] = [];
  for (const [n, { sign, text }] of lines.entries()) {
    if (near.has(n)) told.push(`${sign} ${text}`);
    else if (told.length > 0 && told.at(-1) !== "…" && n < lines.length - 1) told.push("…");
  }
  return told.at(-1) === "…" ? told.slice(0, -1) : told;
}
