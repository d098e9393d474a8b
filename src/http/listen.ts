import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Failure } from "../core/errors.ts";

export interface Listening {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly host: string;
  readonly port: number;
}

/** Does this host name mean this machine alone? */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);

/** Listens, or says in one sentence why it cannot. */
export async function listen({ fetch, host, port }: ListenOptions): Promise<Listening> {
  const server = createAdaptorServer({ fetch, hostname: host, overrideGlobalObjects: false });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(cannotListen(error, host, port)));
    server.listen(port, host.replace(/^\[|\]$/g, ""), resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    port: bound,
    url: `http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
}

function cannotListen(error: Error & { code?: string }, host: string, port: number): Failure {
  if (error.code === "EADDRINUSE")
    return new Failure("INVALID_SETTINGS", `port ${port} on ${host} is already in use`, {
      hint: `Perhaps Baton runs there already: see http://${host}:${port}/health. Else choose another with --port or BATON_PORT.`,
    });
  if (error.code === "EACCES")
    return new Failure("INVALID_SETTINGS", `this user may not listen on port ${port}`, {
      hint: "Choose a port above 1023 with --port.",
    });
  return new Failure("INVALID_SETTINGS", `cannot listen on ${host}:${port}: ${error.message}`, {
    hint: "Check --host and --port.",
  });
}
