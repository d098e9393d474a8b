import type * as core from "../core/memory.ts";
import type { Driver } from "./driver.ts";
import * as remembered from "./remembered.ts";

/** Memory over any database that plays its transactions. */
export class SqlMemory implements core.MemoryStore {
  readonly #db: Driver;
  readonly #room: remembered.MemoryRoom;

  constructor(db: Driver, limits: core.MemorySettings) {
    this.#db = db;
    this.#room = { limits, words: db.words };
  }

  write(caller: string, wish: core.MemoryWrite): Promise<core.Remembered> {
    return this.#db.write({ tx: ({ now }) => remembered.write(caller, wish, this.#room, now), fresh: true });
  }

  read(caller: string, key: string, version?: number): Promise<core.Remembered | undefined> {
    return this.#db.read(({ now }) => remembered.read(caller, key, version, now));
  }

  search(caller: string, asked: Parameters<core.MemoryStore["search"]>[1]): Promise<readonly core.MemoryHit[]> {
    return this.#db.read(({ now }) => remembered.search(caller, asked, this.#room.words, now));
  }

  list(caller: string, asked: Parameters<core.MemoryStore["list"]>[1]): Promise<core.MemoryList> {
    return this.#db.read(({ now }) => remembered.list(caller, asked, now));
  }

  history(caller: string, key: string): Promise<readonly core.Remembered[]> {
    return this.#db.read(({ now }) => remembered.history(caller, key, now));
  }

  forget(caller: string, key: string, by: core.Author, once?: string): Promise<core.Remembered | undefined> {
    const { words } = this.#room;
    return this.#db.write({ tx: ({ now }) => remembered.forget(caller, key, by, once, words, now), fresh: true });
  }

  purge(caller: string, key: string, by: core.Author): Promise<number> {
    const { words } = this.#room;
    return this.#db.write({ tx: ({ now }) => remembered.purge(caller, key, by, words, now), fresh: true });
  }
}
