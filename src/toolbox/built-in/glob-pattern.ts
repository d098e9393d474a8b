import { Failure } from "../../core/errors.ts";

type Token =
  | { readonly kind: "char"; readonly char: string }
  | { readonly kind: "set"; readonly chars: string; readonly not: boolean }
  | { readonly kind: "one" | "some" | "folders" | "all" };

const LONGEST = 500;
const MOST_CHOICES = 64;

/**
 * Reads a pattern of paths: `*` and `?` inside a name, `**` over folders, `[abc]`, `{a,b}`. Whether a path fits is found
 * in time that grows with both lengths and no faster.
 */
export function globPattern(pattern: string): (path: string) => boolean {
  if (pattern.length > LONGEST) throw new Failure("INVALID_INPUT", `a pattern has at most ${LONGEST} characters`);
  // A pattern without a folder is meant for files in any folder.
  const whole = pattern.includes("/") ? pattern.replace(/^\.?\//, "") : `**/${pattern}`;
  const choices = expanded(whole).map(tokens);
  return (path) => choices.some((choice) => fits(choice, path));
}

/** `a{b,c}d` is `abd` and `acd`; inner braces first. */
function expanded(pattern: string): string[] {
  let open = [pattern];
  for (;;) {
    const next = open.flatMap((each) => {
      const found = /\{([^{}]*,[^{}]*)\}/.exec(each);
      if (!found) return [each];
      const before = each.slice(0, found.index);
      const after = each.slice(found.index + found[0].length);
      return (found[1] ?? "").split(",").map((choice) => `${before}${choice}${after}`);
    });
    if (next.length > MOST_CHOICES)
      throw new Failure("INVALID_INPUT", `a pattern has at most ${MOST_CHOICES} choices in its braces`);
    if (next.length === open.length && next.every((each, i) => each === open[i])) return next;
    open = next;
  }
}

function tokens(pattern: string): Token[] {
  const found: Token[] = [];
  for (const [part] of pattern.matchAll(/\*\*\/|\*\*|\*|\?|\[!?[^\]/]+\]|[\s\S]/gu)) {
    if (part === "**/") found.push({ kind: "folders" });
    else if (part === "**") found.push({ kind: "all" });
    else if (part === "*") found.push({ kind: "some" });
    else if (part === "?") found.push({ kind: "one" });
    else if (part.length > 2 && part.startsWith("[")) found.push(setOf(part));
    else found.push({ kind: "char", char: part });
  }
  return found;
}

function setOf(part: string): Token {
  const not = part.startsWith("[!");
  const inner = part.slice(not ? 2 : 1, -1);
  const chars = inner.replaceAll(/(.)-(.)/gu, (_, from: string, to: string) => range(from, to));
  return { kind: "set", chars, not };
}

function range(from: string, to: string): string {
  const [first = 0, last = 0] = [from.codePointAt(0), to.codePointAt(0)];
  const length = Math.min(Math.max(0, last - first + 1), 256);
  return String.fromCodePoint(...Array.from({ length }, (_, i) => first + i));
}

/** All places in the pattern where one may be, letter after letter. */
function fits(pattern: readonly Token[], path: string): boolean {
  let at = closure(pattern, new Set([0]), true);
  let before = "/";
  for (const char of path) {
    const next = new Set<number>();
    for (const i of at) step(pattern[i], i, char, next);
    at = closure(pattern, next, char === "/");
    before = char;
    if (at.size === 0) return false;
  }
  return before !== "/" && at.has(pattern.length);
}

function step(token: Token | undefined, i: number, char: string, next: Set<number>): void {
  if (!token) return;
  if (token.kind === "all" || token.kind === "folders") next.add(i);
  else if (token.kind === "some" && char !== "/") next.add(i);
  else if (token.kind === "one" && char !== "/") next.add(i + 1);
  else if (token.kind === "char" && token.char === char) next.add(i + 1);
  else if (token.kind === "set" && char !== "/" && token.chars.includes(char) !== token.not) next.add(i + 1);
}

/** What stands for nothing may be passed; whole folders only where a folder begins. */
function closure(pattern: readonly Token[], at: Set<number>, isBegin: boolean): Set<number> {
  for (const i of at) {
    const kind = pattern[i]?.kind;
    if (kind === "some" || kind === "all" || (kind === "folders" && isBegin)) at.add(i + 1);
  }
  return at;
}
