/** The words of a list of tools: a list, or a text with commas; a comma in brackets belongs to its word. */
export function wordsOf(value: string | readonly string[]): string[] {
  if (typeof value !== "string") return value.flatMap((word) => word.trim() || []);
  return unwrapped(value.trim())
    .split(/,(?![^(]*\))/)
    .flatMap((word) => unquoted(word.trim()) || []);
}

/** A list that was written as a text: `"[read, search]"`. */
const unwrapped = (text: string): string => /^\[(.*)\]$/s.exec(text)?.[1] ?? text;
const unquoted = (word: string): string => /^(["'])(.*)\1$/s.exec(word)?.[2] ?? word;

/** `Bash(git log:*)` in its two parts. */
export function partsOf(word: string): { readonly tool: string; readonly within?: string } {
  const [, tool, within] = /^([^()]+)\((.*)\)$/s.exec(word) ?? [];
  return tool === undefined || within === undefined ? { tool: word } : { tool: tool.trim(), within: within.trim() };
}

/** What becomes of each tool that is named: allowed, allowed if a person says so each time, or not allowed. */
export interface Ruled {
  readonly allowed: readonly string[];
  readonly asked: readonly string[];
  readonly denied: readonly string[];
}

type Effect = "allow" | "ask" | "deny";
type Rule = readonly [tool: string, effect: Effect];

/** Sorts rules by what they say; where several speak of one tool, and not alike, a person is asked. */
function sorted(rules: readonly Rule[]): Ruled {
  const effects = new Map<string, Effect>();
  for (const [tool, effect] of rules) {
    const before = effects.get(tool);
    effects.set(tool, before === undefined || before === effect ? effect : "ask");
  }
  const those = (wanted: Effect) => [...effects].flatMap(([tool, effect]) => (effect === wanted ? tool : []));
  return { allowed: those("allow"), asked: those("ask"), denied: those("deny") };
}

/** A map of tools to what may be done: `true`, `allow`, or a map of patterns to such words. */
export function ruled(map: Readonly<Record<string, unknown>>): Ruled {
  return sorted(Object.entries(map).flatMap(([tool, said]) => effectsOf(said).map((effect): Rule => [tool, effect])));
}

/** A list of rules, each with an action, a resource and an effect. */
export function ruledByList(list: readonly Readonly<Record<string, unknown>>[]): Ruled {
  return sorted(
    list.flatMap(({ action, effect }) =>
      typeof action === "string" ? effectsOf(effect).map((one): Rule => [action, one]) : [],
    ),
  );
}

function effectsOf(said: unknown): Effect[] {
  if (said === true || said === "allow") return ["allow"];
  if (said === "ask") return ["ask"];
  if (said === false || said === "deny") return ["deny"];
  if (typeof said !== "object" || said === null) return [];
  const inner = Object.values(said).flatMap(effectsOf);
  return inner.length > 0 ? inner : ["allow"];
}
