import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Keyv, KeyvStorageCapability, KeyvStorageEntry } from "keyv";
import type { AnswerCache } from "../core/desk.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { ModelReply } from "../core/provider.ts";

/** A cache of answers that can be closed. */
export interface ClosableCache extends AnswerCache {
  close(): Promise<void>;
}

/**
 * Answers remembered in a file of their own, one caller's never given to another. The file is opened at first use.
 * A cache that fails is an empty one: it costs a call, never a run.
 */
export function openCache(path: string, warn: (error: unknown) => void, now: () => number = Date.now): ClosableCache {
  let opened: Promise<Keyv> | undefined;
  const keyv = () => {
    opened ??= connect(path, warn, now);
    return opened;
  };
  const guarded = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      warn(error);
      return undefined;
    }
  };
  return {
    get: (caller, question) => guarded(async () => (await keyv()).get<ModelReply>(fingerprint([caller, question]))),
    async set(caller, question, reply, ttlSeconds) {
      await guarded(async () => (await keyv()).set(fingerprint([caller, question]), reply, ttlSeconds * 1000));
    },
    async close() {
      if (opened) await guarded(async () => (await keyv()).disconnect());
      opened = undefined;
    },
  };
}

async function connect(path: string, warn: (error: unknown) => void, now: () => number): Promise<Keyv> {
  const { Keyv: Cache, keyvStorageCapability } = await import("keyv");
  const store = new SqliteStore(path, now);
  const cache = new Cache({ store: Object.assign(store, { capabilities: keyvStorageCapability(store) }) });
  cache.on("error", warn);
  return cache;
}

interface Row {
  readonly value: string;
  readonly expires: number | null;
}

/** Keyv's storage contract over one table; it fails by throwing, and keyv makes a miss of it. */
class SqliteStore {
  declare readonly capabilities: KeyvStorageCapability;
  readonly #now: () => number;
  readonly #db: DatabaseSync;

  constructor(path: string, now: () => number) {
    this.#now = now;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
    this.#db = new DatabaseSync(path, { timeout: 100 });
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    this.#db.exec(
      "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires INTEGER) STRICT",
    );
    this.#db.prepare("DELETE FROM answers WHERE expires <= ?").run(now());
  }

  async get(key: string): Promise<string | undefined> {
    const row = this.#db.prepare("SELECT value, expires FROM answers WHERE key = ?").get(key) as Row | undefined;
    return row && (row.expires ?? Number.POSITIVE_INFINITY) > this.#now() ? row.value : undefined;
  }

  async set(key: string, value: unknown, expires?: number): Promise<boolean> {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    this.#db.prepare("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)").run(key, text, expires ?? null);
    return true;
  }

  async delete(key: string): Promise<boolean> {
    return this.#db.prepare("DELETE FROM answers WHERE key = ?").run(key).changes > 0;
  }

  async clear(): Promise<void> {
    this.#db.exec("DELETE FROM answers");
  }

  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  getMany = (keys: string[]) => Promise.all(keys.map((key) => this.get(key)));
  hasMany = (keys: string[]) => Promise.all(keys.map((key) => this.has(key)));
  deleteMany = (keys: string[]) => Promise.all(keys.map((key) => this.delete(key)));
  setMany = <T>(entries: KeyvStorageEntry<T>[]) =>
    Promise.all(entries.map(({ key, value, expires }) => this.set(key, value, expires)));

  async disconnect(): Promise<void> {
    this.#db.close();
  }
}
