import { type Code, Failure } from "../core/errors.ts";
import { cut } from "../core/texts.ts";
import { GONE } from "./address.ts";
import type { Scrub } from "./program-environment.ts";

/** Who was asked for what, for the words of a failure. */
export interface Asked {
  readonly server: string;
  /** Such as `"files/read_file"`. */
  readonly what: string;
  readonly seconds: number;
  /** What to write into the settings to give it more time. */
  readonly patience: string;
  /** It may have changed the world, and nobody can tell. */
  readonly doubtful: boolean;
  readonly scrub: Scrub;
  /** Why its program is no more, where it is none. */
  died(): string | undefined;
}

/** What went wrong between us and a server, as a failure. What a tool itself says of its failing is none. */
export function faultOf(error: unknown, asked: Asked, signal: AbortSignal): Failure {
  if (signal.aborted) return stopped(error, signal, asked);
  const own = ownIn(error);
  if (own) return own;
  const { code, status } = fieldsOf(error);
  const doubt = asked.doubtful ? "; nobody knows whether it was done" : "";
  const { server, what, seconds } = asked;
  if (code === "REQUEST_TIMEOUT")
    return new Failure("TIMEOUT", `${what} had not answered after its ${seconds} seconds${doubt}`, {
      hint: `Give it more time with ${asked.patience}, or look why the server is slow.`,
      cause: error,
    });
  if (status !== undefined) return refused(status, error, asked, doubt);
  const died = asked.died();
  if (died !== undefined)
    return new Failure("NETWORK", `the tool server "${server}" ended before ${what} had answered (${died})${doubt}`, {
      hint: "It is started again the next time that it is needed.",
      cause: error,
    });
  if (code === GONE)
    return new Failure("NETWORK", `the tool server "${server}" cut its answer off before ${what} was told${doubt}`, {
      cause: error,
    });
  if (code === "INVALID_RESULT" || code === "UNSUPPORTED_RESULT_TYPE")
    return new Failure(
      "BAD_OUTPUT",
      `the tool server "${server}" does not keep to the protocol: ${said(error, asked)}`,
      {
        cause: error,
      },
    );
  return new Failure("NETWORK", `the tool server "${server}" cannot be reached: ${said(error, asked)}${doubt}`, {
    hint: `Look whether \`mcp_servers.${server}\` is right, and whether it runs.`,
    cause: error,
  });
}

/** Did the server answer, with an error of the protocol? That is for the model to read. */
export function protocolError(error: unknown): string | undefined {
  const { code } = fieldsOf(error);
  return typeof code === "number" && code !== GONE && error instanceof Error ? error.message : undefined;
}

/** An answer that is none of a tool; it was given all the same. */
export const isInvalidResult = (error: unknown): boolean => fieldsOf(error).code === "INVALID_RESULT";

/** It wants something of a person that nobody here can give. */
export const wantsInput = (error: unknown): boolean =>
  fieldsOf(error).code === "UNSUPPORTED_RESULT_TYPE" || fieldsOf(error).code === "INPUT_REQUIRED_ROUNDS_EXCEEDED";

export const statusOf = (error: unknown): number | undefined => fieldsOf(error).status;

export const isTimeout = (error: unknown): boolean => fieldsOf(error).code === "REQUEST_TIMEOUT";

/** Did the connection close while it was asked which protocol it speaks? Some old servers end at a question they do not know. */
export const closedAtProbe = (error: unknown): boolean =>
  fieldsOf(error).code === "ERA_NEGOTIATION_FAILED" && error instanceof Error && error.message.includes("closed");

/** Why it is not there, in few words. */
export function said(error: unknown, { scrub }: Pick<Asked, "scrub">): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = inner instanceof Error ? inner.message : String(inner);
  return cut(scrub.strict(text.replaceAll(/\s+/g, " ")), 300);
}

/** A failure of ours that others have wrapped. */
function ownIn(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error;
  return error instanceof Error && error.cause !== undefined ? ownIn(error.cause) : undefined;
}

function stopped(error: unknown, signal: AbortSignal, { what, doubtful }: Asked): Failure {
  const doubt = doubtful ? "; nobody knows whether it was done" : "";
  const { reason } = signal;
  if (!(reason instanceof Failure)) return new Failure("CANCELLED", `${what} was cut off${doubt}`, { cause: error });
  return doubtful && reason.code === "TIMEOUT" ? new Failure(reason.code, `${reason.message}${doubt}`) : reason;
}

function refused(status: number, error: unknown, asked: Asked, doubt: string): Failure {
  const { server } = asked;
  const hint = HINTS[status]?.(server);
  const words = `the tool server "${server}" answered ${status}: ${said(error, asked)}`;
  const code = codeOf(status);
  return new Failure(code, `${words}${code === "OVERLOADED" ? doubt : ""}`, { ...(hint && { hint }), cause: error });
}

const HINTS: Readonly<Record<number, (server: string) => string>> = {
  401: (server) => `Give it a valid token: \`mcp_servers.${server}.headers_env: { authorization: A_VARIABLE }\`.`,
  403: (server) => `Its token may not do this; see \`mcp_servers.${server}.headers_env\`.`,
  404: (server) => `Look whether \`mcp_servers.${server}.url\` is right.`,
};

function codeOf(status: number): Code {
  if (status === 401) return "UNAUTHORIZED";
  if (status === 403) return "FORBIDDEN";
  if (status === 429) return "RATE_LIMITED";
  if (status === 408) return "TIMEOUT";
  return status >= 500 ? "OVERLOADED" : "BAD_REQUEST";
}

/** The SDK is loaded late; its errors are known by their fields. */
function fieldsOf(error: unknown): { code?: unknown; status?: number } {
  if (typeof error !== "object" || error === null) return {};
  const status = "status" in error && typeof error.status === "number" ? { status: error.status } : {};
  return { ...("code" in error && { code: error.code }), ...status };
}
