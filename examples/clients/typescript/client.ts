// Starts a fan-out and reads its result, over HTTP or stdio:
//   node examples/clients/typescript/client.ts http://127.0.0.1:7717/mcp
//   node examples/clients/typescript/client.ts node dist/cli.js serve
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/client/stdio";

/** The part of an answer that this example reads. */
interface Envelope {
  readonly run_id: string | null;
  readonly status: string | null;
  readonly output?: { readonly merged?: string; readonly branches: readonly { agent: string; status: string }[] };
  readonly error?: { readonly message: string; readonly hint?: string };
  readonly usage?: { readonly usd: number; readonly calls: number };
  readonly next?: { readonly tool: string; readonly arguments: Record<string, unknown> };
}

const [target = "http://127.0.0.1:7717/mcp", ...args] = process.argv.slice(2);
const client = new Client({ name: "example", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
await client.connect(target.startsWith("http") ? overHttp(target) : overStdio(target, args));

function overHttp(url: string) {
  const token = process.env["BATON_TOKEN"];
  return new StreamableHTTPClientTransport(new URL(url), {
    ...(token && { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
  });
}

/** A child gets few variables of its own accord; Baton finds its settings and keys in the environment. */
function overStdio(command: string, args: string[]) {
  const own = Object.entries(process.env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]));
  const env = { ...getDefaultEnvironment(), ...Object.fromEntries(own) };
  return new StdioClientTransport({ command, args, stderr: "ignore", env });
}

async function call(name: string, args: Record<string, unknown>): Promise<Envelope> {
  const { structuredContent } = await client.callTool({ name, arguments: args });
  return structuredContent as unknown as Envelope;
}

const { tools } = await client.listTools();
console.log(`tools: ${tools.map(({ name }) => name).join(", ")}`);

// A start waits a while and then answers, whether the run has ended or not.
let told = await call("fan_out", {
  task: "What may go wrong when a database is moved at night? Name the gravest thing first.",
  agents: ["critic", { agent: "writer", instructions: "You answer as an operator of twenty years." }],
  aggregator: "synthesiser",
  budget: { usd: 0.5 },
  labels: ["example"],
  wait_seconds: 1,
});

// While it runs, `next` is the exact call to make now.
while (told.next?.tool === "get_run" && (told.status === "queued" || told.status === "running")) {
  console.log(`${told.run_id} is ${told.status}`);
  told = await call(told.next.tool, told.next.arguments);
}

console.log(`${told.run_id} ${told.status}, ${told.usage?.calls} calls, $${told.usage?.usd}`);
for (const { agent, status } of told.output?.branches ?? []) console.log(`- ${agent}: ${status}`);
console.log(told.output?.merged ?? told.error?.message ?? "");
await client.close();
process.exitCode = told.status === "succeeded" ? 0 : 1;
