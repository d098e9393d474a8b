import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { pause } from "./patience.ts";

/**
 * Somebody else's server that takes orders, by three doors: `plain` knows nothing of repetitions, `known` can be asked
 * whether it has an order, and `keyed` knows a repetition by its key. It goes on when whoever asked is gone.
 */
export async function openReceivers(random: () => number) {
  /** How often each order was done. */
  const done = new Map<string, number>();
  const keys = new Set<string>();
  const slow = () => pause(random() * 25);

  async function take(order: string, request: IncomingMessage): Promise<void> {
    await slow();
    const key = String(request.headers["idempotency-key"]);
    if (!(order.startsWith("/keyed/") && keys.has(key))) done.set(order, (done.get(order) ?? 0) + 1);
    keys.add(key);
    await slow();
  }

  const server = createServer(async (request, response) => {
    const order = request.url ?? "";
    if (request.method === "POST") await take(order, request);
    const status = done.has(order) ? 200 : 404;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ order }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    done,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
