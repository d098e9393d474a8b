import { closeSync, mkdirSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { SqlStore, type SqlStoreOptions } from "../sql-store.ts";
import { Connection } from "./connection.ts";
import { SqliteDriver, type SqliteDriverOptions } from "./driver.ts";
import { migrate } from "./format.ts";
import { explained, troubleOf } from "./trouble.ts";

const PAUSE_MS = 25;
const TRIES = 1200;

export interface OpenOptions extends Pick<SqliteDriverOptions, "afterCommit">, SqlStoreOptions {
  /** The folder that the store lives in; made where there is none. */
  readonly home: string;
  readonly clock: Clock;
}

/** The store in a home folder, ready for use: made, or brought up to date, where it is not. */
export async function openStore({ home, clock, afterCommit, ...options }: OpenOptions): Promise<SqlStore> {
  const path = join(home, "baton.db");
  try {
    prepareHome(home, path);
    const writer = await whenFree(clock, () => connect(path, migrate));
    const reader = await whenFree(clock, () => connect(path, (db) => db.exec("pragma query_only = 1")));
    return new SqlStore(
      new SqliteDriver(writer, reader, { path, clock, ...(afterCommit && { afterCommit }) }),
      options,
    );
  } catch (error) {
    throw explained(error, path);
  }
}

/** Makes the folder and the file, for nobody else to read, and keeps them out of version control. */
function prepareHome(home: string, path: string): void {
  const made = mkdirSync(home, { recursive: true, mode: 0o700 });
  const ours = made !== undefined || readdirSync(home).every((name) => name === "workers");
  if (ours) unlessThere(() => ignoreAll(home));
  unlessThere(() => closeSync(openSync(path, "wx", 0o600)));
}

const ignoreAll = (home: string): void => writeFileSync(join(home, ".gitignore"), "*\n", { flag: "wx", mode: 0o600 });

function unlessThere(make: () => void): void {
  try {
    make();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

function connect(path: string, begin: (db: Connection, path: string) => void): Connection {
  const db = new Connection(path);
  try {
    begin(db, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Tries again, from the event loop, for as long as others keep the file locked. */
async function whenFree<T>(clock: Clock, attempt: () => T): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return attempt();
    } catch (error) {
      if (troubleOf(error) !== "busy" || tries === TRIES) throw error;
    }
    await new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve));
  }
}
