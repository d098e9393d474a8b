/** Where a room tells what happens, in fields first and words second. It is injected; nobody writes to a stream. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = (): void => undefined;

/** Tells nobody. */
export const SILENT: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
