import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import type { Baton } from "../server.ts";
import { EXAMPLE_LABEL } from "./example.ts";
import { openWorkerLog } from "./worker-log.ts";

/** What is due later than this waits for the next process that opens the store. */
export const SOON_MS = 60_000;

/** Starts a process of its own that plays what this one leaves, where it leaves anything that can go on. */
export async function outlive({ config, log, opened }: Baton): Promise<void> {
  if (!config.outlive || config.read_only) return;
  try {
    const rooms = await opened();
    const left = await rooms?.engine.unfinished(SOON_MS, [EXAMPLE_LABEL]);
    if (left) startWorker(config, (error) => log.warn({ err: error }, "the detached worker could not be started"));
    if (left) log.info({ left }, "a detached worker takes over what is unfinished");
  } catch (error) {
    log.warn({ err: error }, "what is unfinished waits for the next server");
  }
}

/** With our own environment and folder, in a session of its own: it lives on when we and our client are gone. */
function startWorker({ home, file }: Baton["config"], failed: (error: Error) => void): void {
  const [node, script = ""] = process.argv;
  const settings = ["--home", home, ...(file === undefined ? [] : ["--config", file])];
  const log = openWorkerLog(home);
  const args = [...process.execArgv, script, ...settings, "worker", "--until-idle"];
  const child = spawn(node ?? process.execPath, args, {
    detached: true,
    windowsHide: true,
    stdio: ["ignore", "ignore", log],
  });
  child.once("error", failed);
  child.unref();
  closeSync(log);
}
