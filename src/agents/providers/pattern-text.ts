/** A short text that a regular expression matches, for the plain ones people write; "" where none was found. */
export function exampleOf(pattern: string): string {
  const matches = matcher(pattern);
  return [...TRIED, built(pattern)].find(matches) ?? "";
}

const TRIED = [
  "rehearsal",
  "Rehearsal",
  "rehearsal-1",
  "R1",
  "1",
  "10",
  "1.0.0",
  "2025-01-01",
  "#000000",
  "example.com",
];

function matcher(pattern: string): (text: string) => boolean {
  try {
    const regex = new RegExp(pattern, "u");
    return (text) => regex.test(text);
  } catch {
    return () => true;
  }
}

const TOKEN = /\\[dwsDWS]|\\.|\[\^?(?:\\.|[^\]\\])+\]|\((?:\?:)?([^()]*)\)|[^^$]/gu;
const COUNT = /^(?:\{(\d+)(?:,\d*)?\}|[+*?])/;

/** Piece by piece: a class gives its first character, a group its first alternative, a count its least. */
function built(pattern: string): string {
  let text = "";
  for (TOKEN.lastIndex = 0; ; ) {
    const token = TOKEN.exec(pattern);
    if (!token) return text;
    const count = COUNT.exec(pattern.slice(TOKEN.lastIndex));
    if (count) TOKEN.lastIndex += count[0].length;
    const times = count ? Number(count[1] ?? (count[0] === "+" ? 1 : 0)) : 1;
    const at = TOKEN.lastIndex;
    text += piece(token[0], token[1]).repeat(Math.min(times, 1000));
    TOKEN.lastIndex = at;
  }
}

function piece(token: string, group: string | undefined): string {
  if (group !== undefined) return built(group.split("|")[0] ?? "");
  if (token.startsWith("[^")) return ["a", "1", "-"].find((c) => !token.includes(c)) ?? "x";
  if (token.startsWith("["))
    return built(
      token
        .slice(1)
        .replace(/\].*$/, "")
        .match(/^(\\?.)/u)?.[0] ?? "",
    );
  if (token === ".") return "a";
  const known: Readonly<Record<string, string>> = {
    "\\d": "1",
    "\\w": "a",
    "\\s": " ",
    "\\D": "a",
    "\\W": "-",
    "\\S": "a",
  };
  return known[token] ?? token.replace("\\", "");
}
