import { resolve } from "node:path";
import type { Config } from "../config.ts";

/** How each client connects, ready to be copied. */
export function connections(url: string, { home, auth }: Config, model: string): string {
  const mcp = `${url}/mcp`;
  const header = auth ? { Authorization: "Bearer <token>" } : undefined;
  const stdio = {
    command: process.execPath,
    args: [resolve(process.argv[1] ?? "baton"), "serve"],
    env: { BATON_HOME: home },
  };
  const remote = { url: mcp, ...(header && { headers: header }) };
  const flag = auth ? ' --header "Authorization: Bearer <token>"' : "";
  const ping = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "curl", version: "1" } },
  });
  return `
Baton serves MCP at ${mcp} and its page at ${url}/
Runs are kept in ${home}. ${modelWords(model)}

Claude Code      claude mcp add --transport http baton ${mcp}${flag}
Claude Desktop   claude_desktop_config.json: ${JSON.stringify({ mcpServers: { baton: stdio } })}
Cursor           .cursor/mcp.json: ${JSON.stringify({ mcpServers: { baton: remote } })}
VS Code          .vscode/mcp.json: ${JSON.stringify({ servers: { baton: { type: "http", ...remote } } })}
curl             curl -s ${mcp} -H 'content-type: application/json' -H 'accept: application/json, text/event-stream'${flag.replace("--header", "-H")} -d '${ping}'

`;
}

const modelWords = (model: string): string =>
  model.startsWith("rehearsal/")
    ? "Where no model is named, the rehearsal model answers: offline, free, and no real model. A key such as OPENAI_API_KEY gives real answers."
    : `Where no model is named, ${model} answers.`;
