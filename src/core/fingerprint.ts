import { hash } from "node:crypto";

/** Two things with the same fingerprint say the same: the order of keys and absent values do not count. */
export function fingerprint(thing: unknown): string {
  return hash("sha256", canonical(thing), "hex").slice(0, 32);
}

/** The content hash under which a text is stored once. */
export const textHash = (text: string): string => hash("sha256", text, "base64url").slice(0, 27);

export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, v]) => v !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${sorted.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join()}}`;
}
