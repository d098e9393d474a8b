import { isSecretName, redactText } from "../../core/redact.ts";

/** The line of settings that would make a server known; `definition` is what a file says of it, which is never started. */
export function serverLine(name: string, definition: unknown): string {
  const fields = isTree(definition) ? fieldsOf(definition) : [];
  const known = fields.some((field) => /^(command|url):/.test(field)) ? fields : ["command: …", "args: […]"];
  return `mcp_servers: { ${quoted(name)}: { ${known.join(", ")} } }`;
}

function fieldsOf({ command, args, url, env, headers, httpUrl, bearer_token_env_var }: Tree): string[] {
  const program = Array.isArray(command) ? command : [command, ...(Array.isArray(args) ? args : [])];
  const said = program.filter((word) => typeof word === "string");
  const [file, ...rest] = said.map((word, i) => (namesSecret(said[i - 1]) ? HIDDEN : shown(word)));
  const address = [url, httpUrl].find((one) => typeof one === "string");
  const names = isTree(env) ? Object.keys(env).filter((one) => /^[A-Za-z_]\w*$/.test(one)) : [];
  const told = isTree(headers) ? Object.keys(headers) : [];
  const bearer = typeof bearer_token_env_var === "string" ? ["Authorization"] : [];
  return [
    ...(file === undefined ? [] : [`command: ${file}`]),
    ...(rest.length > 0 ? [`args: [${rest.join(", ")}]`] : []),
    ...(typeof address === "string" ? [`url: ${shown(address)}`] : []),
    ...(names.length > 0 ? [`env_from: [${names.join(", ")}]`] : []),
    ...([...told, ...bearer].length > 0
      ? [`headers_env: { ${[...told, ...bearer].map((one) => `${quoted(one)}: …`).join(", ")} }`]
      : []),
  ];
}

type Tree = Readonly<Record<string, unknown>>;
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

const MOST = 120;
const HIDDEN = JSON.stringify("…");

/** Is this an option whose value, the next word, is a secret? */
const namesSecret = (word = ""): boolean => word.startsWith("-") && !word.includes("=") && isSecretName(word);

/** A word as it is put into a line; what looks like a secret is left out. */
const shown = (word: string): string =>
  quoted(
    redactText(word)
      .replace(/((?:key|token|secret|password)=)[^&\s]+/gi, "$1…")
      .replace(/(\/\/)[^/@\s]+@/, "$1…@")
      .slice(0, MOST),
  );

const quoted = (word: string): string => (/^-{0,2}[A-Za-z_./][\w./@-]*$/.test(word) ? word : JSON.stringify(word));
