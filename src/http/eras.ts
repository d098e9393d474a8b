import {
  type AuthInfo,
  createMcpHandler,
  isLegacyRequest,
  type McpServerFactory,
  type ServerNotifier,
} from "@modelcontextprotocol/server";
import type { Log } from "../core/log.ts";
import { Sessions } from "./sessions.ts";

export interface ErasOptions {
  /** The most bytes that one request may have. */
  readonly maxRequestBodySize: number;
  readonly log: Log;
}

/** MCP over HTTP for clients of either protocol era, from one factory. */
export interface Eras {
  fetch(request: Request, authInfo?: AuthInfo): Promise<Response>;
  /** Tells those who listen what has changed. */
  readonly notify: ServerNotifier;
  close(): Promise<void>;
}

/** Clients of 2025 get a session; those of 2026 say all they need in every request. */
export function eras(factory: McpServerFactory, { maxRequestBodySize, log }: ErasOptions): Eras {
  const onerror = (error: Error) => log.debug({ err: error }, "an MCP request was refused");
  const modern = createMcpHandler(factory, { legacy: "reject", maxRequestBodySize, onerror });
  const sessions = new Sessions(factory, maxRequestBodySize);
  return {
    async fetch(request, authInfo) {
      const isLegacy = await isLegacyRequest(request, undefined, { maxRequestBodySize });
      return isLegacy ? sessions.fetch(request, authInfo) : modern.fetch(request, authInfo && { authInfo });
    },
    notify: modern.notify,
    async close() {
      await Promise.all([modern.close(), sessions.close()]);
    },
  };
}
