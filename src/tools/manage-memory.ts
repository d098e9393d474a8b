import { z } from "zod";
import { Failure } from "../core/errors.ts";
import { MemoryKey, type MemoryStore, type Remembered } from "../core/memory.ts";
import { fitting, textOf } from "./fit.ts";
import { iso, joined, lacks, managed } from "./managed.ts";
import { rowPage } from "./page.ts";
import { simpleTool } from "./simple-tool.ts";
import { MANAGES, type Reply, type Setting, type Tool } from "./tool.ts";
import { lazily, outputSchema } from "./wire.ts";

const Input = z.strictObject({
  action: z.enum(["list", "read", "search", "write", "forget", "history"]),
  key: MemoryKey.optional(),
  value: z.unknown().optional().describe("for write: any JSON"),
  query: z.string().max(1000).optional().describe("for search: words; `word*` for all that begin so"),
  prefix: z.string().max(100).optional().describe("for list"),
  version: z.int().positive().optional().describe("for read: an older one"),
  ttl_days: z.number().positive().max(36_500).optional().describe("for write: kept so long"),
  purge: z.boolean().optional().describe("for forget: erase all versions now, for good"),
  cursor: z.string().max(100).optional(),
});
type Input = z.output<typeof Input>;

const Output = z.object({
  action: z.string().optional(),
  entries: z.array(z.record(z.string(), z.unknown())).optional(),
  entry: z.record(z.string(), z.unknown()).optional(),
  erased: z.number().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  next: z.object({ tool: z.string(), arguments: z.record(z.string(), z.unknown()) }).optional(),
});
const OUTPUT_SCHEMA = lazily(() => outputSchema(Output));
const TOOL = "manage_memory";
const ROOM = 1200;
const PAGE = 50;
const ALL = ["*"];

/** What the caller's agents remember beyond their runs, looked at and put right. */
export const manageMemory = (setting: Setting): Tool =>
  simpleTool(
    {
      name: TOOL,
      title: "Manage memory",
      description:
        "What your agents remember beyond runs: list keys, read one (an older version too), search, write, forget, history (who " +
        "wrote each version). Use it to look at or correct memory. Not for notes inside one run, nor for results (get_run).",
      input: Input,
      outputSchema: OUTPUT_SCHEMA,
      hints: MANAGES,
      async answer(input, { store }, { caller }) {
        return DOES[input.action](input, store.remembered, caller);
      },
    },
    setting,
  );

type Does = (input: Input, memory: MemoryStore, caller: string) => Promise<Reply>;

const DOES: Readonly<Record<Input["action"], Does>> = {
  async list({ prefix, cursor }, memory, caller) {
    const asked = { keys: ALL, limit: PAGE, ...(prefix && { prefix }), ...(cursor && { after: cursor }) };
    const { entries, next } = await memory.list(caller, asked);
    const { shown, next: cut } = rowPage(entries.map(rowOf), undefined, ROOM);
    const more = cut === undefined ? next : shown.at(-1)?.key;
    const args = { action: "list", ...(prefix && { prefix }), cursor: more };
    return rows("list", shown, "nothing is remembered", more === undefined ? undefined : args);
  },
  async read(input, memory, caller) {
    const key = keyOf(input);
    const found = await memory.read(caller, key, input.version);
    if (!found) throw missing(key, input.version);
    return one("read", found);
  },
  async search(input, memory, caller) {
    if (!input.query?.trim()) throw lacks(TOOL, "search", "`query`", { query: "tone of voice" });
    const hits = await memory.search(caller, { query: input.query, keys: ALL, limit: 20 });
    const { shown } = rowPage(
      hits.map(({ key, version, at, snippet }) => ({ key, version, at: iso(at), snippet })),
      undefined,
      ROOM,
    );
    return rows("search", shown, "nothing of that is remembered");
  },
  async write(input, memory, caller) {
    const key = keyOf(input);
    if (input.value === undefined) throw lacks(TOOL, "write", "`value`", { key: "notes/style", value: "short" });
    const { ttl_days } = input;
    const wish = { key, value: input.value, by: {}, ...(ttl_days !== undefined && { ttl_days }) };
    return one("write", await memory.write(caller, wish));
  },
  async forget(input, memory, caller) {
    const key = keyOf(input);
    if (input.purge) {
      if ((await memory.history(caller, key)).length === 0) throw missing(key);
      const erased = await memory.purge(caller, key, {});
      const line = `${key} is forgotten, and ${erased} of its versions are erased`;
      return managed(TOOL, { action: "forget", entry: { key }, erased }, [line]);
    }
    const gone = await memory.forget(caller, key, {});
    if (!gone) throw missing(key);
    return one("forget", gone);
  },
  async history(input, memory, caller) {
    const key = keyOf(input);
    const versions = await memory.history(caller, key);
    if (versions.length === 0) throw missing(key);
    const { shown, next } = rowPage(versions.map(rowOf), input.cursor, ROOM);
    return rows("history", shown, "", next === undefined ? undefined : { action: "history", key, cursor: next });
  },
};

function keyOf({ action, key }: Input): string {
  if (key === undefined) throw lacks(TOOL, action, "`key`", { key: "notes/style" });
  return key;
}

const missing = (key: string, version?: number): Failure =>
  new Failure(
    "NOT_FOUND",
    `nothing is remembered under ${JSON.stringify(key)}${version ? ` as version ${version}` : ""}`,
    {
      hint: 'See what there is: manage_memory {"action":"list"}',
    },
  );

const rowOf = ({ key, version, state, bytes, by, at, expires_at }: Remembered) => ({
  key,
  version,
  ...(state !== "kept" && { state }),
  bytes,
  at: iso(at),
  ...(by.agent !== undefined && { agent: by.agent }),
  ...(by.run !== undefined && { run_id: by.run, step: by.place }),
  ...(expires_at !== undefined && { expires_at: iso(expires_at) }),
});

function one(action: string, remembered: Remembered): Reply {
  const { value } = remembered;
  const entry = { ...rowOf(remembered), ...(value !== undefined && { value: fitting(value, ROOM).value }) };
  return managed(TOOL, { action, entry }, [lineOf(entry)]);
}

const rows = (action: string, entries: readonly object[], none: string, more?: object): Reply =>
  managed(TOOL, { action, entries }, entries.length > 0 ? entries.map(lineOf) : [none], more);

const lineOf = (row: object): string =>
  joined(...Object.entries(row).map(([name, value]) => (name === "key" ? String(value) : `${name} ${textOf(value)}`)));
