import type { Beside } from "./draft.ts";
import { serverLine } from "./server-lines.ts";
import type { Means } from "./words.ts";

/** A word that comes to nothing here: what its tool would do, or the server that it speaks of. */
export interface Lacking {
  readonly word: string;
  readonly means?: Means;
  readonly server?: string;
}

const FILES = 'mcp_servers: { files: { command: npx, args: [-y, "@modelcontextprotocol/server-filesystem", .] } }';
const SHELL = "mcp_servers: { shell: { command: … } }";

/** What is missing in a sentence, with the lines of settings that would mend it; undefined where nothing is. */
export function lackingWords(lacking: readonly Lacking[], torn: readonly string[], beside: Beside): string | undefined {
  if (lacking.length + torn.length === 0) return undefined;
  const whole = lacking.map(({ word }) => word);
  const head =
    whole.length > 0
      ? `it asks for ${short([...new Set(whole)])}, and without that it would not be the agent its author meant`
      : "it may not be given all that it asks for";
  return [head, ...remedies(lacking, beside), ...torn.map(tornWords)].join(". ");
}

function remedies(lacking: readonly Lacking[], { lines }: Beside): string[] {
  const servers = new Set(lacking.flatMap(({ server }) => server ?? []));
  const those = (means: Means) => lacking.filter((one) => one.means === means).map(({ word }) => word);
  const [edits, runs, peers, skills] = [those("edit"), those("exec"), those("agents"), those("skill")];
  const strange = lacking.filter(({ means, server }) => means === undefined && server === undefined);
  const lines_ = [...(edits.length > 0 ? [FILES] : []), ...(runs.length > 0 ? [SHELL] : [])];
  const aliases = [
    ...edits.map((word) => `${quoted(word)}: files/${/write|create|new/i.test(word) ? "write_file" : "edit_file"}`),
    ...runs.map((word) => `${quoted(word)}: shell/run`),
    ...strange.map(({ word }) => `${quoted(word)}: server/tool`),
  ];
  return [
    ...[...servers].map(
      (server) =>
        `A server \`${server}\` is made known in baton.yaml: \`${lines.get(server) ?? serverLine(server, undefined)}\``,
    ),
    ...(lines_.length > 0
      ? [`In baton.yaml, name servers with such tools: ${lines_.map((line) => `\`${line}\``).join(", ")}`]
      : []),
    ...(aliases.length > 0
      ? [
          `Say there what ${aliases.length > 1 ? "these words mean" : "this word means"}: \`tools: { ${[...new Set(aliases)].join(", ")} }\``,
        ]
      : []),
    ...(peers.length > 0 ? [`Whom it may ask stands in \`x-baton: { consult: [critic] }\``] : []),
    ...(skills.length > 0 ? ["Skills are its host's: put what they say into its body"] : []),
    "Or name what it may use here in `x-baton: { tools: [baton/read] }`; agents on command lines come with a later version",
  ];
}

const tornWords = (denied: string): string =>
  `It may use all of a server but \`${denied}\`: name those that it may use instead of \`*\``;

const MOST = 12;
const short = (words: readonly string[]): string =>
  words.length > MOST ? `${words.slice(0, MOST).join(", ")} and ${words.length - MOST} more` : words.join(", ");

const quoted = (word: string): string => (/^[A-Za-z_][\w-]*$/.test(word) ? word : JSON.stringify(word.slice(0, 80)));
