import { destination, pino } from "pino";
import type { Log } from "./core/log.ts";
import { redact } from "./core/redact.ts";
import type { Settings } from "./core/settings.ts";

/** Structured lines on stderr, which no protocol needs; secrets are taken out at any depth before they are written. */
export function openLog(level: Settings["log"]): Log {
  const logger = pino(
    {
      level,
      base: { name: "baton", pid: process.pid },
      formatters: { level: (label) => ({ level: label }), log: (fields) => redact(fields) as Record<string, unknown> },
      serializers: { err: (error: unknown) => error },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
    },
    destination({ dest: 2, sync: true }),
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  };
}
