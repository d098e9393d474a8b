import type { McpRequestContext, Server } from "@modelcontextprotocol/server";
import { runUri, traceUri } from "./envelope.ts";

type Listener = (uri: string) => void;

/** News of one run come at most so often. */
const GATHERED_MS = 250;

/** Tells clients that have asked for it which runs, as resources, have changed. */
export class Notices {
  readonly #listeners = new Set<Listener>();
  readonly #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** Takes up a connection that lasts; a server made for one HTTP request is told by its handler. */
  serve(server: Server, { era, requestInfo }: McpRequestContext): void {
    const wanted = new Set<string>();
    server.setRequestHandler("resources/subscribe", ({ params }) => {
      wanted.add(params.uri);
      return {};
    });
    server.setRequestHandler("resources/unsubscribe", ({ params }) => {
      wanted.delete(params.uri);
      return {};
    });
    if (era === "modern" && requestInfo) return;
    const stop = this.listen((uri) => {
      if (era === "modern" || wanted.has(uri)) void server.sendResourceUpdated({ uri }).catch(() => undefined);
    });
    server.onclose = stop;
  }

  /** Calls back with the uri of each resource that has changed, until the returned function is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says that these runs have changed. */
  tell(runs: readonly string[]): void {
    if (this.#listeners.size === 0) return;
    for (const run of runs) this.#changed.add(run);
    this.#timer ??= setTimeout(() => this.#flush(), GATHERED_MS).unref();
  }

  #flush(): void {
    this.#timer = undefined;
    const uris = [...this.#changed].flatMap((run) => [runUri(run), traceUri(run)]);
    this.#changed.clear();
    for (const uri of uris) for (const listener of this.#listeners) listener(uri);
  }
}
