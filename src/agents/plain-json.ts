const DEEPEST = 200;

/** Whether a text opens so many brackets, one in another, that no parser should be asked to follow. */
export function opensTooDeep(text: string): boolean {
  let open = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    open += bracket === "[" || bracket === "{" ? 1 : -1;
    if (open > DEEPEST) return true;
  }
  return false;
}

/**
 * Parsed JSON as it can be stored and sent everywhere: strings well formed, numbers finite, nesting bounded.
 * Or what of that it cannot be.
 */
export function plainJson(parsed: unknown): { value: unknown } | { problem: string } {
  try {
    return { value: plain(parsed, 0) };
  } catch (error) {
    if (error instanceof NotPlain) return { problem: error.message };
    throw error;
  }
}

class NotPlain extends Error {}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value === "number" && !Number.isFinite(value)) throw new NotPlain("a number in it is too large");
  if (typeof value !== "object" || value === null) return value;
  if (depth >= DEEPEST) throw new NotPlain(`it is nested deeper than ${DEEPEST} levels`);
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), plain(item, depth + 1)]));
}
