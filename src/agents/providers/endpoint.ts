/** Where log lines go: the same call as a pino logger's. Nothing of a provider ever reaches stdout. */
export interface ProviderLog {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

/** All that is to be known of a vendor's address. */
export interface Endpoint {
  readonly id: string;
  readonly baseUrl: string;
  readonly key: string;
  readonly free: boolean;
  /** It is on this very machine, and so are its models: free and at a loopback address. */
  readonly local: boolean;
  readonly concurrency: number;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly maxTokensField: "max_completion_tokens" | "max_tokens";
  /** It takes pictures and documents. */
  readonly media: boolean;
  /** What one search of its own costs, in nano-USD; only where it can search. */
  readonly search_usd?: number;
  /** Headers that an SDK would take from the environment although they are meant for another vendor. */
  readonly withheld: readonly string[];
  readonly log: ProviderLog;
}

/** The engine alone ends calls; this is as long as a timer of an SDK can be. */
export const NO_TIMEOUT_MS = 2_147_483_647;

type SdkLog = (message: string, ...rest: unknown[]) => void;

/** An SDK's logger that writes to ours: without it the SDK writes to stdout, which belongs to the protocol. */
export function sdkLogger({ id, log }: Endpoint): Record<"error" | "warn" | "info" | "debug", SdkLog> {
  const to =
    (level: "error" | "warn" | "info" | "debug"): SdkLog =>
    (message, ...details) =>
      log[level]({ provider: id, ...(details.length > 0 && { details }) }, message);
  // A failed request is no error of ours: the engine reports it with its place and its cost.
  return { error: to("debug"), warn: to("warn"), info: to("debug"), debug: to("debug") };
}

/** Headers set to nothing, so that the SDK leaves them out. */
export const withhold = (names: readonly string[]): Record<string, null> =>
  Object.fromEntries(names.map((name) => [name, null]));
