import { Client as Client2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as Stdio2 } from "@modelcontextprotocol/client/stdio";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as Stdio1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import type { Envelope } from "../../src/tools/envelope.ts";
import { CLI, environment } from "../cli/server-process.ts";

interface Called {
  readonly text: string;
  readonly data: Envelope;
  readonly isError: boolean;
}

interface CallOptions {
  readonly onprogress?: (progress: { progress: number; message?: string | undefined }) => void;
  readonly signal?: AbortSignal;
  readonly timeout?: number;
}

/** A client as these tests use it, whichever library is behind it. */
export interface AnyClient {
  readonly protocol: string | undefined;
  /** Of the server, where it is a process of the client's own. */
  readonly pid: number | undefined;
  tools(): Promise<{ name: string; annotations?: unknown; outputSchema?: unknown }[]>;
  call(name: string, args: object, options?: CallOptions): Promise<Called>;
  read(uri: string): Promise<string>;
  resources(): Promise<{ uri: string }[]>;
  prompts(): Promise<unknown[]>;
  complete(begun: string): Promise<string[]>;
  /** Is told from now on when this resource changes. */
  watch(uri: string, changed: (uri: string) => void): Promise<void>;
  instructions(): string | undefined;
  close(): Promise<void>;
}

/** Where Baton is: a process of its own on stdio, or an address. */
export type Where =
  | { readonly home: string; readonly env?: Readonly<Record<string, string>> }
  | { readonly url: string; readonly token?: string };

const INFO = { name: "test", version: "1.0.0" };

/** The clients that people have: the current library in either era, and the one before it. */
export const CLIENTS: Readonly<Record<string, (where: Where) => Promise<AnyClient>>> = {
  "the current client, 2026-07-28": (where) => current(where, "auto"),
  "the current client, 2025-11-25": (where) => current(where, "legacy"),
  "the client before it": former,
};

const command = ({ home, env }: Extract<Where, { readonly home: string }>) => ({
  command: process.execPath,
  args: [CLI, "serve"],
  env: environment(home, { BATON_LOG: "error", ...env }),
});

const init = ({ token }: { token?: string }) =>
  token === undefined ? {} : { requestInit: { headers: { authorization: `Bearer ${token}` } } };

async function current(where: Where, mode: "auto" | "legacy"): Promise<AnyClient> {
  const client = new Client2(INFO, { versionNegotiation: { mode } });
  const transport = "url" in where ? new Http2(new URL(`${where.url}/mcp`), init(where)) : new Stdio2(command(where));
  await client.connect(transport);
  return {
    get pid() {
      return pidOf(transport);
    },
    protocol: client.getNegotiatedProtocolVersion(),
    tools: async () => (await client.listTools()).tools,
    call: async (name, args, options) => called(await client.callTool({ name, arguments: { ...args } }, options)),
    read: async (uri) => textOf((await client.readResource({ uri })).contents),
    resources: async () => (await client.listResources()).resources,
    prompts: async () => (await client.listPrompts()).prompts,
    complete: async (value) => (await client.complete(completion(value))).completion.values,
    async watch(uri, changed) {
      client.setNotificationHandler("notifications/resources/updated", ({ params }) => changed(params.uri));
      if (client.getNegotiatedProtocolVersion() === "2026-07-28") await client.listen({ resourceSubscriptions: [uri] });
      else await client.subscribeResource({ uri });
    },
    instructions: () => client.getInstructions(),
    close: () => client.close(),
  };
}

async function former(where: Where): Promise<AnyClient> {
  const client = new Client1(INFO);
  const transport = "url" in where ? new Http1(new URL(`${where.url}/mcp`), init(where)) : new Stdio1(command(where));
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  return {
    get pid() {
      return pidOf(transport);
    },
    protocol: "2025-11-25",
    tools: async () => (await client.listTools()).tools,
    call: async (name, args, options) =>
      called(await client.callTool({ name, arguments: { ...args } }, undefined, options)),
    read: async (uri) => textOf((await client.readResource({ uri })).contents),
    resources: async () => (await client.listResources()).resources,
    prompts: async () => (await client.listPrompts()).prompts,
    complete: async (value) => (await client.complete(completion(value))).completion.values,
    async watch(uri, changed) {
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => changed(params.uri));
      await client.subscribeResource({ uri });
    },
    instructions: () => client.getInstructions(),
    close: () => client.close(),
  };
}

const pidOf = (transport: object): number | undefined =>
  "pid" in transport && typeof transport.pid === "number" ? transport.pid : undefined;

const completion = (value: string) => ({
  ref: { type: "ref/resource" as const, uri: "baton://runs/{id}" },
  argument: { name: "id", value },
});

const textOf = (contents: readonly object[]): string => {
  const [first] = contents;
  return first && "text" in first ? String(first.text) : "";
};

function called(result: { [key: string]: unknown }): Called {
  const [first] = result["content"] as { text: string }[];
  return {
    text: first?.text ?? "",
    data: result["structuredContent"] as Envelope,
    isError: result["isError"] === true,
  };
}
