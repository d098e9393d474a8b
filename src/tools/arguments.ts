import type { z } from "zod";
import { type Misfit, misfits } from "../core/check.ts";
import { Failure } from "../core/errors.ts";
import { rightCall } from "./right-call.ts";

const DEEPEST = 64;

/** The arguments of a call as their schema reads them; else a failure that says what is wrong and shows a right call. */
export function checkArguments<T>(tool: string, schema: z.ZodType<T>, args: unknown): T {
  const read = schema.safeParse(args);
  if (read.success) return read.data;
  const wrong = misfits(schema, args);
  throw new Failure(
    "INVALID_INPUT",
    `${tool}: ${wrong
      .slice(0, 6)
      .map((one) => inWords(one, args))
      .join("; ")}.`,
    {
      hint: `A right call: ${rightCall(tool, schema, args)}`,
    },
  );
}

function inWords({ path, message, unknown }: Misfit, args: unknown): string {
  if (path.length === 0) return message;
  const name = `\`${path.map(String).join(".")}\``;
  return !unknown && valueAt(args, path) === undefined ? `${name} is missing` : `${name}: ${message}`;
}

const valueAt = (value: unknown, path: Misfit["path"]): unknown =>
  path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], value);

/** Arguments that any store and any model can take: whole characters, no NUL, not nested without end. */
export function cleanArguments(args: unknown, most: number): Readonly<Record<string, unknown>> {
  if (args === undefined || args === null) return {};
  if (typeof args !== "object" || Array.isArray(args))
    throw new Failure("INVALID_INPUT", "the arguments of a tool are one JSON object");
  const cleaned = clean(args, 0) as Record<string, unknown>;
  checkSize(cleaned, most);
  return cleaned;
}

function checkSize(args: object, most: number): void {
  const bytes = Buffer.byteLength(JSON.stringify(args));
  if (bytes > most) throw tooLarge("the arguments are", bytes, most);
}

export const tooLarge = (what: string, bytes: number, most: number): Failure =>
  new Failure(
    "TOO_LARGE",
    `${what} ${bytes.toLocaleString("en")} bytes; at most ${most.toLocaleString("en")} are allowed`,
    {
      hint: "Give less: split the task, or name files and earlier runs in `context` and take only what matters of them (`head`, `tail`, `path`, `summary`). The setting is limits.input_bytes.",
    },
  );

function clean(value: unknown, depth: number): unknown {
  if (typeof value === "string") return cleanText(value);
  if (value === null || typeof value !== "object") return value;
  if (depth >= DEEPEST) throw new Failure("INVALID_INPUT", `the arguments are nested deeper than ${DEEPEST} levels`);
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [cleanText(key), clean(item, depth + 1)]));
}

/** NUL ends texts in some stores, and half characters are no text: both become U+FFFD. */
export const cleanText = (text: string): string => text.toWellFormed().replaceAll("\0", "\uFFFD");
