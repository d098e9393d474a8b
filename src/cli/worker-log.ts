import { openSync, renameSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

const MOST_BYTES = 4 * 1024 * 1024;

/** Where the detached worker of a home writes its log. */
const workerLog = (home: string): string => join(home, "worker.log");

/** Opens the log of a worker that is about to start; a long one becomes `worker.log.1`. */
export function openWorkerLog(home: string): number {
  const path = workerLog(home);
  if (sizeOf(path) > MOST_BYTES / 4) renameSync(path, `${path}.1`);
  return openSync(path, "a", 0o600);
}

/** Empties the log of a worker that has written too much; its next line is the first one then. */
export function boundWorkerLog(home: string): void {
  const path = workerLog(home);
  if (sizeOf(path) > MOST_BYTES) truncateSync(path);
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
