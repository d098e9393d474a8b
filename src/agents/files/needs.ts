/** What an agent may ask for beside its text, by the names that hosts give it. */
const TOOLS = [
  "tools",
  "mcpServers",
  "mcp-servers",
  "mcp_servers",
  "servers",
  "extensions",
  "function_tools",
  "shell",
  "skills",
  "memory",
  "agents",
  "subagents",
  "sub_agents",
  "handoffs",
];

/** The first thing an agent needs that cannot be given to it yet, and what to do about it. */
export function unmetNeed(fields: Readonly<Record<string, unknown>>): { key: string; reason: string } | undefined {
  const key = TOOLS.find((name) => asksFor(fields[name]));
  if (key === undefined) return fields["kind"] === "remote" ? remote : undefined;
  const asked = namesOf(fields[key]);
  return {
    key,
    reason:
      `it asks for ${key}${asked && ` (${asked})`}, and without them it would not be the agent its author meant. ` +
      `Agents with tools come with a later version; remove \`${key}\` if this one can work on text alone`,
  };
}

const remote = {
  key: "kind",
  reason: "it lives on another server (`kind: remote`); remote agents come with a later version",
};

function asksFor(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.values(value).some((inner) => inner !== false);
  return value !== undefined && value !== null && value !== false && value !== "" && value !== "none";
}

function namesOf(value: unknown): string {
  if (typeof value === "string") return short(value);
  if (Array.isArray(value)) return short(value.filter((item) => typeof item === "string").join(", "));
  if (typeof value === "object" && value !== null) return short(Object.keys(value).join(", "));
  return "";
}

const short = (text: string): string => (text.length > 80 ? `${text.slice(0, 79)}…` : text);
