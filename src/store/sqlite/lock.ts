import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../core/clock.ts";
import { Failure } from "../../core/errors.ts";
import type { WorkerIdentity } from "../../core/store.ts";
import { explained, troubleOf } from "./trouble.ts";

/**
 * The locks of this process by their files. POSIX drops a process's locks on a file as soon as it closes any handle of
 * it, so a file in here must never be opened a second time; nor may a handle be forgotten, since the collector closes it.
 */
const held = new Map<string, DatabaseSync>();

/** A worker's name and its lock. The operating system drops the lock when the process ends, however it ends. */
export interface WorkerLock {
  readonly identity: WorkerIdentity;
  release(): void;
}

/** Takes a lock of its own in this home, for as long as this process lives. */
export function holdLock(home: string): WorkerLock {
  const id = `w_${randomBytes(8).toString("hex")}`;
  const folder = join(home, "workers");
  const lock = join(folder, `${id}.lock`);
  held.set(lock, takeLock(folder, lock));
  return {
    identity: { id, pid: process.pid, host: hostname(), boot: bootId(), lock },
    release: () => {
      held.get(lock)?.close();
      if (!held.delete(lock)) return;
      rmSync(lock, { force: true });
    },
  };
}

function takeLock(folder: string, lock: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(lock, "", { flag: "a", mode: 0o600 });
    db = new DatabaseSync(lock, { timeout: 0 });
    db.exec("begin exclusive");
    return db;
  } catch (error) {
    db?.close();
    throw explained(error, lock);
  }
}

const PAUSE_MS = 100;
/** Longer than one who has nothing left to do takes to end. */
const TRIES = 80;

/** Takes a place in this home that one process alone can have, for as long as it lives; waits for one who is leaving. */
export async function holdAlone(home: string, name: string, clock: Clock): Promise<boolean> {
  const folder = join(home, "workers");
  const lock = join(folder, `${name}.lock`);
  for (let tries = 1; !held.has(lock) && tries <= TRIES; tries++) {
    const db = tryLock(folder, lock);
    if (db) held.set(lock, db);
    else await new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve));
  }
  return held.has(lock);
}

/** Nothing where another process has it. */
function tryLock(folder: string, lock: string): DatabaseSync | undefined {
  try {
    return takeLock(folder, lock);
  } catch (error) {
    if (error instanceof Failure && error.code === "STORE_BUSY") return undefined;
    throw error;
  }
}

/** Whether the process of a worker is gone; undefined where that cannot be known from here. */
export function ownerIsDead({ boot, lock }: WorkerIdentity): boolean | undefined {
  if (boot !== bootId()) return undefined;
  if (held.has(lock)) return false;
  if (!existsSync(lock)) return true;
  const db = new DatabaseSync(lock, { timeout: 0 });
  try {
    db.exec("begin exclusive");
  } catch (error) {
    return troubleOf(error) === "busy" ? false : undefined;
  } finally {
    db.close();
  }
  rmSync(lock, { force: true });
  return true;
}

let known: string | undefined;

/** Names this start of this machine and this space of process ids; locks mean nothing beyond it. */
function bootId(): string {
  known ??= linuxBoot() ?? `${hostname()} ${Math.round((Date.now() / 1000 - uptime()) / 60)}`;
  return known;
}

function linuxBoot(): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}
