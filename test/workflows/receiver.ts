import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

interface Reply {
  readonly status?: number;
  readonly json?: unknown;
}

/** A server of somebody else's, which notes what it is asked: `POST /orders {"id":7}`. */
export async function openReceiver(answer: (asked: string, n: number) => Reply = () => ({ json: {} })) {
  const asked: string[] = [];
  const keys: (string | undefined)[] = [];
  const secrets: (string | undefined)[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const what = `${request.method} ${request.url} ${Buffer.concat(pieces).toString()}`.trim();
    asked.push(what);
    keys.push(request.headers["idempotency-key"]?.toString());
    secrets.push(request.headers.authorization);
    const { status = 200, json = null } = answer(what, asked.length);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    asked,
    /** The idempotency key and the authorization of each request. */
    keys,
    secrets,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
