import type { Dialect } from "../words.ts";

/** What every file may say, whoever reads it beside us; and a few words of formats that are read only in part. */
export const OWN: Dialect = {
  name: "baton",
  host: "Baton",
  folders: [],
  fields: {
    "x-baton": "own",
    name: "name",
    description: "description",
    version: "version",
    model: "model",
    fallbacks: "fallbacks",
    tools: "tools",
    web_search: "search",
    effort: "effort",
    temperature: "temperature",
    servers: "servers",
    mcp_servers: "servers",
    subagents: "consult",
    sub_agents: "consult",
    max_iterations: "turns",
    instruction: "told",
    instructions: "told",
    extensions: { need: "name their tools in `x-baton: { tools: [server/tool] }`", unless: "tools" },
    function_tools: {
      need: "they are programs of its host, and no program of an agent's file is run",
      unless: "tools",
    },
    shell: { need: "name a tool that does this in `x-baton: { tools: [server/tool] }`", unless: "tools" },
    tags: { note: "nothing sorts by it" },
    author: { note: "nothing shows it" },
    license: { note: "nothing shows it" },
    category: { note: "nothing sorts by it" },
  },
  tools: {},
};
