import { Shelf } from "../../files/shelf.ts";
import { type FileReading, nameOf, readAgentFile } from "./agent-file.ts";
import type { Beside, Draft } from "./draft.ts";

/** A file as it stands on the shelf: what may be asked, and what is wrong with the file. */
export interface Shelved {
  readonly path: string;
  readonly name: string;
  readonly description: string;
  /** The agent; after a mistake in its file, the agent as it last was. */
  readonly draft?: Draft;
  readonly beside?: Beside;
  readonly notes: readonly string[];
  /** What is wrong with the file as it now is. */
  readonly problem?: string;
}

/** What an agent's file is, in a sentence, and at most. */
export const AGENT_FILE = {
  what: "an agent's file",
  most: 262_144,
  isWanted: (name: string) => /\.(md|toml)$/i.test(name),
};

/** The agent files of some folders: all that are or should be agents. */
export const agentShelf = (roots: readonly string[]): Shelf<Shelved> =>
  new Shelf(roots, {
    ...AGENT_FILE,
    read: (path, text, before) =>
      shelve(path, "text" in text ? readAgentFile(path, text.text) : broken(path, text.problem), before),
  });

const broken = (path: string, problem: string): FileReading => ({
  name: nameOf(path),
  description: "",
  refused: `${path}: ${problem}`,
});

/** A mistake is often a file half written: the agent goes on as it last was. What is refused on purpose does not. */
export function shelve(path: string, reading: FileReading, before: Shelved | undefined): Shelved | undefined {
  if ("draft" in reading) {
    const { draft, notes, beside } = reading;
    const { name, description } = draft;
    return { path, name, description, draft, notes, beside };
  }
  const { name, description, refused: problem } = reading;
  if (before?.draft && !reading.crippled) return { ...before, problem };
  return reading.document ? undefined : { path, name, description, notes: [], problem };
}
