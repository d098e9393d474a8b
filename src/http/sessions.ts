import { randomUUID } from "node:crypto";
import {
  type AuthInfo,
  type McpServerFactory,
  WebStandardStreamableHTTPServerTransport as Transport,
} from "@modelcontextprotocol/server";

interface Session {
  readonly transport: Transport;
  readonly caller: string | undefined;
  usedAt: number;
}

const MOST = 1000;
/** Longer than the longest wait, so that nobody is dropped who still listens for an answer. */
const IDLE_MS = 2 * 3_600_000;

/** The sessions of clients that shook hands as the 2025 protocol has it, each bound to who opened it. */
export class Sessions {
  readonly #factory: McpServerFactory;
  readonly #maxBody: number;
  readonly #sessions = new Map<string, Session>();

  constructor(factory: McpServerFactory, maxBody: number) {
    this.#factory = factory;
    this.#maxBody = maxBody;
  }

  async fetch(request: Request, authInfo?: AuthInfo): Promise<Response> {
    const id = request.headers.get("mcp-session-id");
    if (id === null) return this.#begin(request, authInfo);
    const session = this.#sessions.get(id);
    if (!session || session.caller !== authInfo?.clientId) return notFound();
    session.usedAt = performance.now();
    return session.transport.handleRequest(request, authInfo && { authInfo });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(({ transport }) => transport.close()));
    this.#sessions.clear();
  }

  /** Only a handshake opens a session; the transport refuses anything else, and then nothing is kept. */
  async #begin(request: Request, authInfo: AuthInfo | undefined): Promise<Response> {
    await this.#makeRoom();
    const transport: Transport = new Transport({
      sessionIdGenerator: randomUUID,
      maxRequestBodySize: this.#maxBody,
      onsessioninitialized: (id) => {
        this.#sessions.set(id, { transport, caller: authInfo?.clientId, usedAt: performance.now() });
      },
      onsessionclosed: (id) => {
        this.#sessions.delete(id);
      },
    });
    const server = await this.#factory({ era: "legacy", requestInfo: request, ...(authInfo && { authInfo }) });
    await server.connect(transport);
    const response = await transport.handleRequest(request, authInfo && { authInfo });
    if (transport.sessionId === undefined) await server.close();
    return response;
  }

  async #makeRoom(): Promise<void> {
    const oldest = [...this.#sessions].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    const surplus = oldest.length - MOST + 1;
    const over = oldest.filter(([, { usedAt }], i) => i < surplus || usedAt < performance.now() - IDLE_MS);
    for (const [id, { transport }] of over) {
      this.#sessions.delete(id);
      await transport.close();
    }
  }
}

const notFound = (): Response =>
  Response.json(
    { jsonrpc: "2.0", id: null, error: { code: -32001, message: "Session not found: shake hands again." } },
    { status: 404 },
  );
