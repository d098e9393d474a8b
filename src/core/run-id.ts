import { hash } from "node:crypto";

/** The id of a run: `r_` and 128 bits. */
export const runIdOf = (bytes: Uint8Array): string => `r_${base32(bytes)}`;

/** The id of a run that follows from another, which nobody can guess who does not know that. */
export const derivedRunId = (from: string): string => runIdOf(hash("sha256", from, "buffer").subarray(0, 16));

function base32(bytes: Uint8Array): string {
  const letters = "abcdefghijklmnopqrstuvwxyz234567";
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = "";
  for (let i = Math.ceil((bytes.length * 8) / 5) - 1; i >= 0; i--)
    text += letters[Number((bits >> BigInt(i * 5)) & 31n)];
  return text;
}
