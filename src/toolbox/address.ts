import type { JSONRPCMessage, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Failure } from "../core/errors.ts";
import type { ServerSettings } from "../core/toolbox.ts";
import { LONGEST_LINE } from "./program.ts";
import type { Environment } from "./program-environment.ts";

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** Where it is, and what is sent along. */
export interface AddressPlan {
  readonly server: string;
  readonly settings: ServerSettings;
  readonly env: Environment;
  readonly fetch: Fetch;
}

/** The error that stands for an answer whose stream ended without it. */
export const GONE = -32_099;

/** A server at an address, over Streamable HTTP. */
export async function address(plan: AddressPlan): Promise<StreamableHTTPClientTransport> {
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const transport = new StreamableHTTPClientTransport(new URL(plan.settings.url ?? ""), {
    fetch: guarded(plan),
    onInsufficientScope: "throw",
    reconnectionOptions: {
      initialReconnectionDelay: 500,
      maxReconnectionDelay: 5000,
      reconnectionDelayGrowFactor: 2,
      maxRetries: 2,
    },
  });
  return missingNothing(transport);
}

/** What was given up is cut off, and what was cut off is told: else a call would wait for its whole time. */
function missingNothing(transport: StreamableHTTPClientTransport): StreamableHTTPClientTransport {
  const open = new Map<string | number, AbortController>();
  const send = transport.send.bind(transport);
  transport.send = async (message, options) => {
    const id = idOf(message);
    if (id === undefined) return send(message, options).finally(() => cutOff(message));
    const stop = new AbortController();
    open.set(id, stop);
    const onRequestStreamEnd = () => {
      open.delete(id);
      const error = { code: GONE, message: "its answer was cut off" };
      transport.onmessage?.({ jsonrpc: "2.0", id, error });
    };
    // In the newer era the client cuts off what was given up itself.
    const requestSignal = options?.requestSignal ?? stop.signal;
    return send(message, {
      ...options,
      requestSignal,
      onRequestStreamEnd: options?.onRequestStreamEnd ?? onRequestStreamEnd,
    });
  };
  const cutOff = (message: JSONRPCMessage | JSONRPCMessage[]): void => {
    if (Array.isArray(message) || !("method" in message) || message.method !== "notifications/cancelled") return;
    const { requestId } = message.params ?? {};
    if (typeof requestId !== "number" && typeof requestId !== "string") return;
    open.get(requestId)?.abort();
    open.delete(requestId);
  };
  return transport;
}

const idOf = (message: JSONRPCMessage | JSONRPCMessage[]): string | number | undefined =>
  !Array.isArray(message) && "method" in message && "id" in message ? message.id : undefined;

/** Puts in the headers as a request leaves, and bounds what comes back. */
function guarded({ server, settings, env, fetch }: AddressPlan): Fetch {
  const { headers = {}, headers_env = {}, url: own = "" } = settings;
  return async (url, init = {}) => {
    const all = new Headers(init.headers);
    if (new URL(url).origin === new URL(own).origin) {
      for (const [name, value] of Object.entries(headers)) all.set(name, value);
      for (const [name, variable] of Object.entries(headers_env)) all.set(name, secretOf(server, variable, env));
    }
    return bounded(await fetch(url, { ...init, headers: all, redirect: "manual" }));
  };
}

function secretOf(server: string, variable: string, env: Environment): string {
  const value = env[variable];
  if (value) return value;
  throw new Failure("UNAUTHORIZED", `the tool server "${server}" wants the variable ${variable}, and it is not set`, {
    hint: `Set ${variable} where Baton is started, or take it out of \`mcp_servers.${server}.headers_env\`.`,
  });
}

/** An answer is bounded as a whole, a stream of events by its lines. */
function bounded(response: Response): Response {
  if (!response.body) return response;
  const isStream = /^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
  let size = 0;
  const measure = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      const newline = isStream ? piece.lastIndexOf(0x0a) : -1;
      size = newline < 0 ? size + piece.byteLength : piece.byteLength - newline - 1;
      if (size > LONGEST_LINE) throw new Failure("TOO_LARGE", `it answered more than ${LONGEST_LINE} bytes`);
      controller.enqueue(piece);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(measure), { status, statusText, headers });
}
