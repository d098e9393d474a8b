/** Control characters but for line ends and tabs, and what turns the direction of text. */
const HIDING = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu;

/** A value as people read it before they decide on it: all of it, and nothing in it that hides other parts of it. */
export function visible(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "");
  return text.replace(HIDING, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
