import { z } from "zod";
import { openAllowed, readAtMost } from "../../files/allowed.ts";
import { sizeText } from "../content.ts";
import { builtIn } from "./tool.ts";

const MOST_BYTES = 10 * 1024 * 1024;
const LINES = 2000;
const LONGEST_LINE = 2000;

const Wish = z.strictObject({
  path: z.string().min(1).max(4096).describe("A path inside the allowed folders."),
  offset: z.int().positive().optional().describe("The first line, counted from 1."),
  limit: z.int().positive().max(10_000).optional().describe(`How many lines; ${LINES} where nothing is said.`),
});

/** Reads a file of text, with line numbers. */
export const read = builtIn({
  name: "read",
  description:
    "Reads a text file inside the allowed folders. Each line comes with its number and a tab. For a long file ask for a part with offset and limit.",
  input: Wish,
  seconds: 30,
  needs: "folders",
  async run({ path, offset = 1, limit = LINES }, { folders }) {
    const { file, size } = await openAllowed(path, folders);
    try {
      const bytes = await readAtMost(file, Math.min(size, MOST_BYTES));
      if (isBinary(bytes)) return `[${path} is no text: ${kindOf(bytes)}, ${sizeText(size)}, not shown]`;
      const tail =
        size > MOST_BYTES ? `\n[only the first ${sizeText(MOST_BYTES)} of ${sizeText(size)} can be read]` : "";
      return numbered(new TextDecoder().decode(bytes), offset, limit) + tail;
    } finally {
      await file.close();
    }
  },
});

export function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 8192).includes(0);
}

function numbered(text: string, offset: number, limit: number): string {
  if (text === "") return "[the file is empty]";
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  const part = lines.slice(offset - 1, offset - 1 + limit);
  if (part.length === 0) return `[there is no line ${offset}: the file has ${lines.length}]`;
  const last = offset - 1 + part.length;
  const rest =
    last < lines.length ? `\n[lines ${offset}-${last} of ${lines.length}; go on with offset ${last + 1}]` : "";
  return part.map((line, i) => `${offset + i}\t${shortened(line)}`).join("\n") + rest;
}

/** A line that nobody would read whole. */
export const shortened = (line: string): string =>
  line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE).toWellFormed()}… [${line.length} characters]` : line;

const KINDS: readonly (readonly [string, string])[] = [
  ["89504e47", "image/png"],
  ["ffd8ff", "image/jpeg"],
  ["47494638", "image/gif"],
  ["25504446", "application/pdf"],
  ["504b0304", "a zip archive"],
  ["1f8b", "gzip"],
  ["53514c697465", "an SQLite database"],
];

function kindOf(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 8)).toString("hex");
  return KINDS.find(([magic]) => head.startsWith(magic))?.[1] ?? "binary";
}
