import type { AgentSpec } from "../../core/agent.ts";
import { Failure } from "../../core/errors.ts";
import { mayUse } from "../../core/keys.ts";
import type { Line } from "../../core/store.ts";
import { listed } from "../../core/texts.ts";
import type { Playing } from "../playing.ts";
import type { Piece } from "./kit.ts";

/** The deed that reads and writes the notes of a run. */
export const KEEPS_NOTES = "notes";

export type NotesOp = "read" | "write";

/** One version of a note, as its line holds it. */
interface Note {
  readonly key: string;
  readonly value: unknown;
  readonly version: number;
  readonly by: string;
}

interface NotesInput {
  readonly op: NotesOp;
  readonly by: string;
  readonly may: NonNullable<AgentSpec["scratchpad"]>;
  readonly key?: string;
  readonly value?: unknown;
  /** The version that is thought to be the latest; where it is not, nothing is written. */
  readonly version?: number;
}

/**
 * The notes that all agents of a run share. What is written is a line, and so is what is read, so that branches which
 * read what others write are told the same again on every replay. The latest version is read from the lines.
 */
export async function keepNotes(input: unknown, { memory }: Playing): Promise<unknown> {
  const wish = input as NotesInput;
  const latest = latestOf(memory.lines());
  const mine = underway.get(memory) ?? new Map<string, Note>();
  for (const [key, note] of mine) if ((latest.get(key)?.version ?? 0) < note.version) latest.set(key, note);
  if (wish.op === "read") return read(wish, latest);
  const note = write(wish, latest);
  underway.set(memory, mine.set(note.key, note));
  return note;
}

/** What has been written and is no line yet, so that two who write at once do not get the same version. */
const underway = new WeakMap<Playing["memory"], Map<string, Note>>();

function read({ key, may }: NotesInput, latest: ReadonlyMap<string, Note>): unknown {
  const open = [...latest.values()].filter((note) => mayUse(may.read, note.key));
  if (key === undefined) return { notes: open.map(({ value: _, ...note }) => note) };
  if (!mayUse(may.read, key)) throw forbidden("read", key, may.read);
  return latest.get(key) ?? { key, value: null, version: 0, note: "nobody has written it yet" };
}

function write({ key = "", value, version, by, may }: NotesInput, latest: ReadonlyMap<string, Note>): Note {
  if (!mayUse(may.write, key)) throw forbidden("write", key, may.write);
  const now = latest.get(key);
  if (version !== undefined && version !== (now?.version ?? 0)) throw outdated(key, now);
  return { key, value, version: (now?.version ?? 0) + 1, by };
}

function latestOf(lines: Iterable<Line>): Map<string, Note> {
  const latest = new Map<string, Note>();
  for (const line of lines) {
    if (line.agent !== KEEPS_NOTES || line.state !== "done" || line.generation === 0 || line.dropped) continue;
    const note = line.value as Note;
    if (!("by" in note)) continue;
    if ((latest.get(note.key)?.version ?? 0) < note.version) latest.set(note.key, note);
  }
  return latest;
}

const forbidden = (op: NotesOp, key: string, may: readonly string[]): Failure =>
  new Failure("FORBIDDEN", `this agent may not ${op} the note "${key}"; it may ${op} ${listed(may) || "none"}`, {
    hint: `Its definition names its keys: scratchpad: { ${op}: [${key}] }.`,
  });

const outdated = (key: string, now: Note | undefined): Failure =>
  new Failure("ILLEGAL_CHANGE", `the note "${key}" is at version ${now?.version ?? 0} by now`, {
    hint: `Read it again, then write what follows from it${now ? `; it was written by ${now.by}` : ""}.`,
  });

/** The tools by which an agent reads and writes the notes of its run. */
export function notesTools({ scratchpad }: AgentSpec): Piece[] {
  if (!scratchpad) return [];
  const key = { type: "string", minLength: 1, maxLength: 100 };
  const reads: Piece = [
    {
      name: "notes_read",
      description: `Reads a note that the agents of this run share, or lists them where no key is given. You may read: ${scratchpad.read.join(", ")}.`,
      input: { type: "object", properties: { key }, additionalProperties: false },
    },
    { is: "notes", op: "read" },
  ];
  const version = { type: "integer", minimum: 0, description: "Write only if this is still its latest version" };
  const writes: Piece = [
    {
      name: "notes_write",
      description: `Writes a note for the other agents of this run; older versions stay in the trace. You may write: ${scratchpad.write.join(", ")}.`,
      input: {
        type: "object",
        properties: { key, value: {}, version },
        required: ["key", "value"],
        additionalProperties: false,
      },
    },
    { is: "notes", op: "write" },
  ];
  return [...(scratchpad.read.length > 0 ? [reads] : []), ...(scratchpad.write.length > 0 ? [writes] : [])];
}
