import { z } from "zod";
import type { DeedFunction, DeedScene } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import { type Author, allowsKey, MemoryKey, type MemoryStore, type Remembered } from "../core/memory.ts";
import { nearest } from "../core/nearest.ts";
import { listed } from "../core/texts.ts";

/** What this agent may read and write, as its definition says: keys, or with `*` at their end all that begin so. */
const May = z.strictObject({ read: z.array(z.string()).default([]), write: z.array(z.string()).default([]) });

const Wish = z.strictObject({
  op: z.enum(["write", "read", "search", "list", "forget"]),
  key: MemoryKey.optional(),
  value: z.unknown().optional(),
  query: z.string().max(1000).optional(),
  prefix: z.string().max(100).optional(),
  limit: z.int().min(1).max(50).optional(),
  ttl_days: z.number().positive().max(36_500).optional(),
  may: May,
  /** `name@version` of who asks. */
  agent: z.string().min(1),
});
type Wish = z.output<typeof Wish>;

const USUAL_LIMIT = 10;

/**
 * What an agent may remember and read beyond its run, for its caller alone. A write is known again by its deed and what
 * it says, so that it is done once, however often it is repeated.
 */
export const memoryDeed = (store: () => MemoryStore): DeedFunction => ({
  name: "memory",
  check: (input) => void allowed(input),
  async perform(input, scene) {
    const wish = allowed(input);
    return DOES[wish.op](wish, store(), scene);
  },
});

type Does = (wish: Wish, store: MemoryStore, scene: DeedScene) => Promise<unknown>;

const DOES: Readonly<Record<Wish["op"], Does>> = {
  async write(wish, store, scene) {
    const { value, ttl_days } = wish;
    const more = ttl_days === undefined ? {} : { ttl_days };
    const write = { key: keyOf(wish), value, by: author(wish, scene), once: onceOf(wish, scene), ...more };
    const { key, version, expires_at } = await store.write(scene.caller, write);
    return { key, version, ...(expires_at !== undefined && { expires_at: iso(expires_at) }) };
  },
  async read(wish, store, { caller }) {
    const key = keyOf(wish);
    const found = await store.read(caller, key);
    return found ? told(found) : { key, found: false, ...(await near(wish, store, caller)) };
  },
  async search(wish, store, { caller }) {
    const asked = { query: wish.query ?? "", keys: wish.may.read, limit: wish.limit ?? USUAL_LIMIT };
    const hits = await store.search(caller, asked);
    return {
      hits: hits.map(({ key, version, at, by, snippet }) => ({ key, snippet, version, at: iso(at), ...who(by) })),
    };
  },
  async list(wish, store, { caller }) {
    const { prefix, limit = USUAL_LIMIT } = wish;
    const asked = { keys: wish.may.read, limit, ...(prefix !== undefined && { prefix }) };
    const { entries, next } = await store.list(caller, asked);
    const keys = entries.map(({ key, version, bytes, at, by }) => ({ key, version, bytes, at: iso(at), ...who(by) }));
    return { keys, ...(next !== undefined && { more: true }) };
  },
  async forget(wish, store, scene) {
    const key = keyOf(wish);
    const gone = await store.forget(scene.caller, key, author(wish, scene), onceOf(wish, scene));
    return gone ? { key, version: gone.version, forgotten: true } : { key, found: false };
  },
};

/** A wish that is well formed, and that its agent may have. */
function allowed(input: unknown): Wish {
  const { success, data, error } = Wish.safeParse(input);
  if (!success) throw wrong(z.prettifyError(error).replaceAll(/\s+/g, " "));
  const side = data.op === "write" || data.op === "forget" ? "write" : "read";
  if (data.op === "search" || data.op === "list") {
    if (data.may.read.length === 0) throw forbidden(data, "read", data.prefix ?? "");
    if (data.op === "search" && !data.query?.trim()) throw wrong("search needs `query`");
    return data;
  }
  if (data.key === undefined) throw wrong(`${data.op} needs \`key\``);
  if (data.op === "write" && data.value === undefined) throw wrong("write needs `value`");
  if (!allowsKey(data.may[side], data.key)) throw forbidden(data, side, data.key);
  return data;
}

const wrong = (why: string): Failure =>
  new Failure("INVALID_INPUT", `memory cannot be asked like this: ${why}`, {
    hint: 'Such as {"op": "write", "key": "notes/style", "value": "short sentences"}, or {"op": "search", "query": "style"}.',
  });

function forbidden({ agent, may }: Wish, side: "read" | "write", key: string): Failure {
  const name = agent.replace(/(?<=.)@[^@]*$/, "");
  const what = key === "" ? `${side} memory` : `${side} the memory under ${JSON.stringify(key)}`;
  const has = may[side].length === 0 ? "it may not at all" : `it may ${side} ${listed(may[side])}`;
  const line = { ...may, [side]: [...may[side], key === "" ? "*" : key] };
  return new Failure("FORBIDDEN", `the agent "${name}" may not ${what}: ${has}`, {
    hint: `Whoever owns "${name}" may allow it in its file: memory: ${JSON.stringify(line)}`,
    agent,
  });
}

const keyOf = ({ key }: Wish): string => key ?? "";
const author = ({ agent }: Wish, { run, place }: DeedScene): Author => ({ run, place, agent });

/** A later try of the same step that says something else is another write. */
const onceOf = ({ op, key, value }: Wish, scene: DeedScene): string =>
  fingerprint({ deed: scene.key, op, key, value: value ?? null });

const iso = (ms: number): string => new Date(ms).toISOString();

const told = ({ key, version, value, at, by }: Remembered) => ({ key, version, value, at: iso(at), ...who(by) });

const who = ({ agent }: Author) => (agent === undefined ? {} : { by: agent });

/** Keys that may have been meant, of those that may be read. */
async function near({ key = "", may }: Wish, store: MemoryStore, caller: string): Promise<{ did_you_mean?: string[] }> {
  const { entries } = await store.list(caller, { keys: may.read, limit: 200 });
  const close = nearest(
    key,
    entries.map((entry) => entry.key),
  );
  return close.length > 0 ? { did_you_mean: close } : {};
}
