import type { Where, YamlText } from "../../core/yaml-text.ts";
import { askedOf } from "./asked.ts";
import { dialectOf, meaningOf } from "./dialect.ts";
import { type Beside, type Draft, draftOf } from "./draft.ts";
import { isName, misfitsOf, Own } from "./fields.ts";
import { type Parted, partFrontMatter } from "./front-matter.ts";
import { unmetNeed } from "./needs.ts";
import { notesOn } from "./notes.ts";
import { readToml } from "./toml-text.ts";
import type { Dialect, FieldWord } from "./words.ts";

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

export type FileReading =
  | { readonly draft: Draft; readonly notes: readonly string[]; readonly beside: Beside }
  | Refusal;

type Fields = Readonly<Record<string, unknown>>;

/** Reads one file of an agent, in whichever format it is. It never throws: a file that cannot be used says why. */
export function readAgentFile(path: string, text: string): FileReading {
  const parted = /\.toml$/i.test(path) ? tomlParts(text) : partFrontMatter(text);
  if (parted.problem !== undefined) return unparted(path, parted);
  const { yaml, body } = parted;
  const fields = withoutNothing(yaml.value ?? {});
  const dialect = dialectOf(path, Object.keys(fields));
  const words = wordsIn(fields, dialect);
  const who = whoIs(fields, nameOf(path));
  const mistakes = mistakesIn(yaml, words);
  if (mistakes.length > 0) return { ...who, refused: mistakes.map((mistake) => `${path}:${mistake}`).join("; ") };
  return readFields(path, { fields, words, dialect, yaml, body, who });
}

interface Read {
  readonly fields: Fields;
  readonly words: Readonly<Record<string, FieldWord>>;
  readonly dialect: Dialect;
  readonly yaml: YamlText;
  readonly body: string;
  readonly who: { readonly name: string; readonly description: string };
}

function readFields(path: string, { fields, words, dialect, yaml, body, who }: Read): FileReading {
  const own = Own.parse(fields["x-baton"] ?? {});
  const asked = askedOf(fields, words, dialect);
  const refusal = (key: string, reason: string) => `${path}:${at(yaml.whereNamed([key]))}: ${reason}`;
  const off = Object.keys(words).find((key) => words[key] === "off" && String(fields[key]) === "true");
  if (off !== undefined)
    return { ...who, refused: refusal(off, `its author has switched it off (\`${off}\`)`), crippled: true };
  const need = unmetNeed(fields, own, asked, dialect);
  if (need) return { ...who, refused: refusal(need.key, need.reason), crippled: true };
  const system = body === "" ? (asked.told ?? "") : body;
  const untold = untoldness(path, system, own);
  if (untold !== undefined) return { ...who, refused: `${path}: ${untold}` };
  const draft = { ...draftOf(asked, own, system), ...who, source: path };
  return {
    draft,
    notes: notesOn(fields, own, asked, dialect),
    beside: { dialect, at: placesOf(words, yaml), lines: asked.servers },
  };
}

/** A text of TOML is all front matter; one that names neither an agent nor what it is told is something else. */
function tomlParts(text: string): Parted {
  const yaml = readToml(text);
  const keys = isTree(yaml.value) ? Object.keys(yaml.value) : [];
  const isAgent = yaml.problems.length > 0 || keys.some((key) => ["name", "developer_instructions"].includes(key));
  if (isAgent) return { yaml, body: "" };
  return { bare: true, problem: "1:1: it has neither a `name` nor `developer_instructions`, so it is no agent" };
}

function unparted(path: string, { problem, bare }: { problem: string; bare: boolean }): Refusal {
  const name = nameOf(path);
  const document = bare && (/^[A-Z][A-Z0-9_-]*$/.test(name) || /\.toml$/i.test(path));
  return { name, description: "", refused: `${path}:${problem}`, ...(document && { document }) };
}

/** As much of who it is as can be read, so that even a broken file is known by its name. */
function whoIs({ name: called, description: said }: Fields, fileName: string): { name: string; description: string } {
  const name = typeof called === "string" && isName(called) ? called.normalize("NFC") : fileName;
  return { name, description: typeof said === "string" ? said.toWellFormed().trim() : "" };
}

/** The fields that have a meaning here, and which. */
function wordsIn(fields: Fields, dialect: Dialect): Record<string, FieldWord> {
  const known = Object.keys(fields).flatMap((key): [string, FieldWord][] => {
    const meaning = meaningOf(key, dialect);
    return typeof meaning === "string" ? [[key, meaning]] : [];
  });
  return Object.fromEntries(known);
}

function mistakesIn(yaml: YamlText, words: Readonly<Record<string, FieldWord>>): string[] {
  const { value, problems } = yaml;
  if (problems.length > 0) return problems.map((problem) => `${at(problem)}: ${problem.message}`);
  if (value !== undefined && value !== null && !isTree(value)) return [`${at(yaml.where([]))}: ${NO_FIELDS}`];
  const fields = withoutNothing(value);
  return Object.entries(words).flatMap(([key, word]) =>
    misfitsOf(word, fields[key]).map(({ path, message, unknown }) => {
      const whole = [key, ...path];
      return `${at(unknown ? yaml.whereNamed(whole) : yaml.where(whole))}: \`${whole.map(String).join(".")}\`: ${message}`;
    }),
  );
}

const NO_FIELDS = "expected fields such as `name: reviewer`, but this is none";

const at = ({ line, column }: Where): string => `${line}:${column}`;

/** Why it is told nothing, where that is so. What answers without a model need not be told anything. */
function untoldness(path: string, system: string, own: Own): string | undefined {
  if (/^\{file:[^}]*\}$/.test(system))
    return `what it is told lies in another file (${system.slice(0, 80)}): put it here`;
  if (system !== "" || own.function) return undefined;
  return /\.toml$/i.test(path)
    ? "it has no `developer_instructions`; write there what the agent is told"
    : "nothing stands below its front matter; write there what the agent is told";
}

const OF_TOOLS: readonly FieldWord[] = ["tools", "permission", "posture", "denied", "servers", "read_only", "own"];

/** Where it says its models, and its tools. */
function placesOf(words: Readonly<Record<string, FieldWord>>, yaml: YamlText): Beside["at"] {
  const place = (wanted: readonly FieldWord[]): string => {
    const [key] = wanted.flatMap((word) => Object.keys(words).find((one) => words[one] === word) ?? []);
    return at(yaml.whereNamed(key === undefined ? [] : [key]));
  };
  return { models: place(["model", "fallbacks", "own"]), tools: place(OF_TOOLS) };
}

const isTree = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The fields that say something: a name without a value says nothing. */
const withoutNothing = (value: unknown): Fields =>
  Object.fromEntries(isTree(value) ? Object.entries(value).filter(([, said]) => said !== null) : []);

/** The file's own name without its folder and endings. */
export function nameOf(path: string): string {
  const base = path.split(/[/\\]/).at(-1) ?? path;
  return (
    base
      .replace(/((\.agent|\.chatmode)?\.md|\.toml)$/i, "")
      .normalize("NFC")
      .replaceAll(/[/@\p{C}]/gu, "_")
      .slice(0, 100)
      .trim() || "unnamed"
  );
}
