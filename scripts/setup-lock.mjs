// One set-up at a time on one clone: a directory that carries its owner's process id from its first moment.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "./node24.mjs";

const lock = join(root, ".setup.lock");
const mine = `${lock}.${process.pid}`;

/** @param {string} directory */
function ownerOf(directory) {
  try {
    return Number(readFileSync(join(directory, "pid"), "utf8"));
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function take() {
  mkdirSync(mine, { recursive: true });
  writeFileSync(join(mine, "pid"), String(process.pid));
  try {
    renameSync(mine, lock);
    return true;
  } catch {
    rmSync(mine, { recursive: true, force: true });
    return false;
  }
}

/** Puts a dead owner's lock aside; the rename lets only one of those who wait do it. @param {number} dead */
function breakLock(dead) {
  const aside = `${lock}.broken-${process.pid}`;
  try {
    renameSync(lock, aside);
    if (ownerOf(aside) !== dead) renameSync(aside, lock);
  } catch {
    // Another process was faster.
  }
  rmSync(aside, { recursive: true, force: true });
}

/**
 * Runs the work while no other set-up of this clone runs.
 * @param {() => void} work
 */
export async function alone(work) {
  for (let waited = false; !take(); waited = true) {
    const owner = ownerOf(lock);
    if (!waited && owner !== undefined) console.error(`Waiting for another set-up of this clone (process ${owner}).`);
    if (owner !== undefined && !alive(owner)) breakLock(owner);
    else await sleep(200);
  }
  try {
    work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}
