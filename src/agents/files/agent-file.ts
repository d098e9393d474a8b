import { z } from "zod";
import { AgentSpec } from "../../core/agent.ts";
import { misfits } from "../../core/check.ts";
import { partFrontMatter } from "./front-matter.ts";
import { ownTools } from "./needs.ts";

/** An agent as its author wrote it: its models are still names of tiers, `inherit`, or `provider/model`. */
export interface Draft extends Omit<AgentSpec, "version" | "models" | "max_output_tokens"> {
  readonly models: readonly string[];
  readonly max_output_tokens?: number | undefined;
}

/** What a file says: an agent, or why it is none that can be asked. `document` marks a text that never meant to be one. */
export type FileReading =
  | { readonly draft: Draft; readonly notes: readonly string[] }
  | { readonly name: string; readonly description: string; readonly refused: string; readonly document?: boolean };

/** A name is free but for what would make it a path, a version or unreadable. */
export const isName = (name: string): boolean =>
  name.length <= 100 && name === name.trim() && name !== "__proto__" && /^[^/@\p{C}]+$/u.test(name);

const OneOrMore = z.union([z.string(), z.array(z.string())]);

/** What is our own in a file that other hosts read too. */
const Own = AgentSpec.pick({
  max_output_tokens: true,
  temperature: true,
  first_token_seconds: true,
  idle_seconds: true,
  call_seconds: true,
  concurrency: true,
  retry: true,
  cache: true,
  max_usd: true,
})
  .partial()
  .extend({ fallbacks: OneOrMore.optional() });

const Fields = z.looseObject({
  name: z.string().optional(),
  description: z.string().optional(),
  model: OneOrMore.optional(),
  fallbacks: OneOrMore.optional(),
  "x-baton": Own.optional(),
});
type Fields = z.output<typeof Fields>;

/** Reads one Markdown file of an agent. It never throws: a file that cannot be used says why. */
export function readAgentFile(path: string, text: string): FileReading {
  const fileName = nameOf(path);
  const parted = partFrontMatter(text);
  if (parted.problem !== undefined) {
    const document = parted.bare && /^[A-Z][A-Z0-9_-]*$/.test(fileName);
    return { name: fileName, description: "", refused: `${path}:${parted.problem}`, ...(document && { document }) };
  }
  const { yaml, body } = parted;
  const at = ({ line, column }: { line: number; column: number }) => `${path}:${line}:${column}`;
  const value = yaml.value ?? {};
  const broken = [
    ...yaml.problems.map((one) => `${at(one)}: ${one.message}`),
    ...misfits(Fields, value).map(({ path: key, message, unknown }) => {
      const where = unknown ? yaml.whereNamed(key) : yaml.where(key);
      return `${at(where)}: ${key.length > 0 ? `\`${key.map(String).join(".")}\`: ` : ""}${message}`;
    }),
  ];
  const { success, data: fields } = Fields.safeParse(value);
  if (broken.length > 0 || !success) return { name: fileName, description: "", refused: broken.join("; ") };
  const name = (fields.name ?? fileName).normalize("NFC");
  const refuse = (refused: string): FileReading => ({
    name: isName(name) ? name : fileName,
    description: fields.description ?? "",
    refused,
  });
  if (!isName(name))
    return refuse(
      `${at(yaml.where(["name"]))}: a name has at most 100 characters and no \`/\`, no \`@\`, no spaces at its ends`,
    );
  const tools = ownTools(fields);
  if (tools) return refuse(`${at(yaml.whereNamed([tools.key]))}: ${tools.reason}`);
  if (body === "") return refuse(`${path}: nothing stands below its front matter; write there what the agent is told`);
  return { draft: draftOf(name, fields, body, path), notes: notesOn(fields) };
}

function draftOf(name: string, fields: Fields, body: string, path: string): Draft {
  const { fallbacks, ...own } = fields["x-baton"] ?? {};
  const [first = "inherit", ...others] = listOf(fields.model);
  return {
    ...own,
    name,
    description: (fields.description ?? "").toWellFormed().trim(),
    system: body,
    models: [first, ...others, ...listOf(fields.fallbacks), ...listOf(fallbacks)],
    source: path,
  };
}

const listOf = (names: string | readonly string[] | undefined): string[] =>
  [names ?? []].flat().flatMap((name) => name.trim() || []);

function notesOn(fields: Fields): string[] {
  const ignored = Object.keys(fields).filter((key) => !Object.hasOwn(Fields.shape, key));
  const notes = ignored.length > 0 ? [`not read here: ${ignored.join(", ")}`] : [];
  if (!fields.description?.trim()) notes.push("it has no `description`, so nobody can tell when to choose it");
  return notes;
}

/** The file's own name without its folder and endings. */
export function nameOf(path: string): string {
  const base = path.split(/[/\\]/).at(-1) ?? path;
  return (
    base
      .replace(/(\.agent)?\.md$/i, "")
      .normalize("NFC")
      .replaceAll(/[/@\p{C}]/gu, "_")
      .slice(0, 100)
      .trim() || "unnamed"
  );
}
