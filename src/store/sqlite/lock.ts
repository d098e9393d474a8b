import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
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
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(lock, "", { mode: 0o600 });
    const db = new DatabaseSync(lock, { timeout: 0 });
    db.exec("begin exclusive");
    return db;
  } catch (error) {
    throw explained(error, lock);
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
