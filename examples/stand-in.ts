// Stands in for the systems that the examples write to: a bank, a blog, a wiki. It keeps what it is sent in memory.
//   node examples/stand-in.ts                     on http://localhost:8788
//   node examples/stand-in.ts --refuse payments   the bank takes no payments, so that the way back can be seen
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as it came, such as `POST /posts`, and its body. */
export interface Asked {
  readonly what: string;
  readonly body: unknown;
}

export interface StandIn extends AsyncDisposable {
  readonly origin: string;
  /** In the order in which they came; a repetition with the same key is not among them. */
  readonly asked: readonly Asked[];
  /** What is in the savings now. */
  readonly savings: () => number;
}

const LOAN = 8200;

/** Opens it on this machine; `refuse` names the last word of paths that it takes nothing for. */
export async function openStandIn({ port = 0, refuse = [] as readonly string[] } = {}): Promise<StandIn> {
  const asked: Asked[] = [];
  const answers = new Map<string, object>();
  let savings = 12_000;

  function answer(method: string, path: string, body: Record<string, unknown>): object {
    const id = `${path.split("/").at(-1)}-${asked.length}`;
    const amount = Number(body["amount"] ?? 0);
    if (method === "GET" && path.endsWith("/loans/car")) return { id: "loan-7", balance: LOAN };
    if (method === "GET" && path.endsWith("/accounts/savings")) return { id: "sav-3", balance: savings };
    if (path.endsWith("/withdrawals")) savings -= amount;
    if (path.endsWith("/deposits")) savings += amount;
    return { id, url: `http://localhost${path}/${id}` };
  }

  /** The same key again is the same request, and has the same answer. */
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url: path = "/" } = request;
    const key = String(request.headers["idempotency-key"] ?? asked.length);
    const body = await bodyOf(request);
    const known = answers.get(key);
    if (known) return reply(response, 200, known);
    asked.push({ what: `${method} ${path}`, body });
    if (refuse.some((word) => path.endsWith(`/${word}`)))
      return reply(response, 409, { error: `${path} takes nothing today` });
    const said = answer(method, path, body);
    answers.set(key, said);
    reply(response, method === "POST" ? 201 : 200, said);
  }

  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(port, "localhost", resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    asked,
    savings: () => savings,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString();
  return text === "" ? {} : JSON.parse(text);
}

const reply = (response: ServerResponse, status: number, body: object): void =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

if (import.meta.main) {
  const [flag, ...refuse] = process.argv.slice(2);
  const { origin } = await openStandIn({ port: 8788, refuse: flag === "--refuse" ? refuse : [] });
  console.log(`standing in at ${origin}${refuse.length > 0 ? `; refused: ${refuse.join(", ")}` : ""}`);
}
