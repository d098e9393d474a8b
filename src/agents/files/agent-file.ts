import { z } from "zod";
import { AgentSpec } from "../../core/agent.ts";
import { misfits } from "../../core/check.ts";
import type { Where, YamlText } from "../../core/yaml-text.ts";
import { partFrontMatter } from "./front-matter.ts";
import { unmetNeed } from "./needs.ts";

/** An agent as its author wrote it: its models are still names of tiers, `inherit`, or `provider/model`. */
export interface Draft extends Omit<AgentSpec, "version" | "models" | "max_output_tokens"> {
  readonly models: readonly string[];
  readonly max_output_tokens?: number | undefined;
}

/** A file that is no agent that can be asked, and why. */
interface Refusal {
  readonly name: string;
  readonly description: string;
  readonly refused: string;
  /** The file is well made and asks for what cannot be given; else it has a mistake. */
  readonly crippled?: true;
  /** The text never meant to be an agent. */
  readonly document?: true;
}

export type FileReading = { readonly draft: Draft; readonly notes: readonly string[] } | Refusal;

/** A name is free but for what would make it a path, a version or unreadable. */
const isName = (name: string): boolean =>
  name.length <= 100 && name === name.trim() && name !== "__proto__" && /^[^/@\p{C}]+$/u.test(name);

/** Behind an `@` it must stand as one word. */
const isTag = (tag: string): boolean => /^[^\s/@\p{C}]{1,50}$/u.test(tag);

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
  name: z
    .string()
    .refine(isName, "a name has at most 100 characters, no `/`, no `@` and no spaces at its ends")
    .optional(),
  description: z.string().optional(),
  version: z
    .union([z.string(), z.number()])
    .transform(String)
    .refine(isTag, "a version is a word of at most 50 characters, such as 1.2.0")
    .optional(),
  model: OneOrMore.optional(),
  fallbacks: OneOrMore.optional(),
  "x-baton": Own.optional(),
});
type Fields = z.output<typeof Fields>;

/** Reads one Markdown file of an agent. It never throws: a file that cannot be used says why. */
export function readAgentFile(path: string, text: string): FileReading {
  const parted = partFrontMatter(text);
  if (parted.problem !== undefined) return unparted(path, parted);
  const { yaml, body } = parted;
  const value = yaml.value ?? {};
  const who = whoIs(value, nameOf(path));
  const mistakes = mistakesIn(yaml, value).map((mistake) => `${path}:${mistake}`);
  const { success, data: fields } = Fields.safeParse(value);
  if (mistakes.length > 0 || !success) return { ...who, refused: mistakes.join("; ") };
  const need = unmetNeed(fields);
  if (need) return { ...who, refused: `${path}:${at(yaml.whereNamed([need.key]))}: ${need.reason}`, crippled: true };
  if (body === "")
    return { ...who, refused: `${path}: nothing stands below its front matter; write there what the agent is told` };
  return { draft: { ...draftOf(fields, body), ...who, source: path }, notes: notesOn(fields) };
}

function unparted(path: string, { problem, bare }: { problem: string; bare: boolean }): Refusal {
  const name = nameOf(path);
  const document = bare && /^[A-Z][A-Z0-9_-]*$/.test(name);
  return { name, description: "", refused: `${path}:${problem}`, ...(document && { document }) };
}

/** As much of who it is as can be read, so that even a broken file is known by its name. */
function whoIs(value: unknown, fileName: string): { name: string; description: string } {
  const { success, data } = z.looseObject({ name: z.unknown(), description: z.unknown() }).partial().safeParse(value);
  const name = success && typeof data.name === "string" && isName(data.name) ? data.name.normalize("NFC") : fileName;
  const description = success && typeof data.description === "string" ? data.description.toWellFormed().trim() : "";
  return { name, description };
}

function mistakesIn(yaml: YamlText, value: unknown): string[] {
  const misread = yaml.problems.map((problem) => `${at(problem)}: ${problem.message}`);
  const misfit = misfits(Fields, value).map(({ path, message, unknown }) => {
    const where = unknown ? yaml.whereNamed(path) : yaml.where(path);
    return `${at(where)}: ${path.length > 0 ? `\`${path.map(String).join(".")}\`: ` : ""}${message}`;
  });
  return [...misread, ...misfit];
}

const at = ({ line, column }: Where): string => `${line}:${column}`;

function draftOf(fields: Fields, body: string): Omit<Draft, "name" | "description" | "source"> {
  const { fallbacks, ...own } = fields["x-baton"] ?? {};
  const { version: tag } = fields;
  const [first = "inherit", ...others] = listOf(fields.model);
  return {
    ...own,
    ...(tag !== undefined && { tag }),
    system: body,
    models: [first, ...others, ...listOf(fields.fallbacks), ...listOf(fallbacks)],
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
