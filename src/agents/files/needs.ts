import type { Asked } from "./asked.ts";
import { meaningOf, meansOf } from "./dialect.ts";
import type { Own } from "./fields.ts";
import { partsOf } from "./tool-list.ts";
import type { Dialect } from "./words.ts";

interface Need {
  readonly key: string;
  readonly reason: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** The first thing a file asks for without which its agent would not be the one its author meant, and what to do about it. */
export function unmetNeed(fields: Fields, own: Own, asked: Asked, dialect: Dialect): Need | undefined {
  return remote(fields, dialect) ?? missing(fields, own, dialect) ?? isolated(fields, asked, own, dialect);
}

function missing(fields: Fields, own: Own, dialect: Dialect): Need | undefined {
  for (const [key, value] of Object.entries(fields)) {
    const meaning = meaningOf(key, dialect);
    if (typeof meaning !== "object" || !("need" in meaning) || !asksFor(value)) continue;
    if (meaning.unless !== undefined && own[meaning.unless] !== undefined) continue;
    return {
      key,
      reason: `it asks for ${key}${named(value)}, and without them it would not be the agent its author meant: ${meaning.need}`,
    };
  }
  return undefined;
}

function remote(fields: Fields, dialect: Dialect): Need | undefined {
  const key = Object.keys(fields).find((one) => meaningOf(one, dialect) === "kind" && fields[one] === "remote");
  if (key === undefined) return undefined;
  return { key, reason: "it lives on another server (`kind: remote`); remote agents come with a later version" };
}

/** A copy of the working tree matters to who changes it: tools here work where their server stands. */
function isolated(fields: Fields, { tools = [], isolation }: Asked, own: Own, dialect: Dialect): Need | undefined {
  if (isolation === undefined || isolation === "none" || own.tools !== undefined) return undefined;
  const changes = tools.filter((word) =>
    meansOf(partsOf(word).tool, dialect)?.some((means) => means === "edit" || means === "exec"),
  );
  const key = Object.keys(fields).find((one) => meaningOf(one, dialect) === "isolation");
  if (changes.length === 0 || key === undefined) return undefined;
  return {
    key,
    reason:
      `it wants ${short(isolation)} of its own to work in with ${short(changes.join(", "))}, and tools here work where their server stands. ` +
      `Name a server that stands in such a copy, say so with \`x-baton: { tools: […] }\`, and this line is passed over`,
  };
}

function asksFor(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(asksFor);
  if (typeof value === "object" && value !== null)
    return !("enabled" in value && value.enabled === false) && Object.values(value).some(asksFor);
  return value !== undefined && value !== null && value !== false && value !== "" && value !== "none";
}

function named(value: unknown): string {
  const names = namesOf(value);
  return names === "" ? "" : ` (${short(names)})`;
}

function namesOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.filter((item) => typeof item === "string").join(", ");
  return typeof value === "object" && value !== null ? Object.keys(value).join(", ") : "";
}

const short = (text: string): string => (text.length > 80 ? `${text.slice(0, 79)}…` : text);
