import { CommanderError } from "commander";
import { Failure, type FailureInfo } from "../core/errors.ts";
import { redactText } from "../core/redact.ts";

export const OK = 0;
export const RUN_FAILED = 1;
export const USAGE = 2;

/** Whose fault is an error of the command line's: these are mended by saying something else. */
const MENDED: readonly FailureInfo["code"][] = [
  "INVALID_INPUT",
  "INVALID_SETTINGS",
  "NOT_FOUND",
  "FORBIDDEN",
  "UNKNOWN_AGENT",
  "UNKNOWN_WORKFLOW",
  "INVALID_WORKFLOW",
  "NO_PROVIDER",
];

/** Says in one paragraph what went wrong and what to do, and gives the exit code for it. */
export function complain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode;
  const failure = Failure.from(error);
  const { hint } = failure.options;
  process.stderr.write(`${redactText([failure.message, hint].filter(Boolean).join("\n"))}\n`);
  if (failure.code === "BUG" && process.env["BATON_LOG"] === "debug" && error instanceof Error)
    process.stderr.write(`${error.stack}\n`);
  return MENDED.includes(failure.code) ? USAGE : RUN_FAILED;
}
