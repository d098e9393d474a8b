import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Baton, makeBaton, onlyWorker } from "../server.ts";
import { OK } from "./complain.ts";
import { SOON_MS } from "./outlive.ts";
import { type CommonOptions, settingsOf } from "./settings.ts";
import { untilTold } from "./until-told.ts";
import { boundWorkerLog } from "./worker-log.ts";

export interface WorkerOptions extends CommonOptions {
  readonly untilIdle?: boolean;
}

const LOOK_MS = 1000;
/** So often in a row it must have nothing to do: between two looks a run may have been given back to it. */
const LOOKS = 2;

/** `baton worker`: plays what is unfinished, for nobody in particular; until a signal, or until there is nothing to do. */
export async function worker({ untilIdle = false, ...common }: WorkerOptions): Promise<number> {
  const config = settingsOf(common, { toolsets: ["default"], read_only: false });
  // One is enough for a home, and the place is free again as soon as this process has ended.
  if (untilIdle && !(await onlyWorker(config.home))) return OK;
  const baton = makeBaton(config, { role: untilIdle ? "detached worker" : "worker" });
  const end = untilTold(() => baton.close(config.drain_seconds * 1000), baton.hurry);
  const { engine } = await baton.open();
  engine.awaken();
  baton.log.info({ version: baton.version, node: process.version, until_idle: untilIdle }, "worker ready");
  if (untilIdle) whenIdle(baton, () => end(OK));
  return new Promise(() => undefined);
}

/** Looks every second whether there is still something to do, here and with those who are about to leave it. */
function whenIdle(baton: Baton, leave: () => void): void {
  const { config, log } = baton;
  let idle = 0;
  const look = async () => {
    boundWorkerLog(config.home);
    const { engine } = await baton.open();
    const isGone = !existsSync(join(config.home, "baton.db"));
    idle = isGone || (await engine.unfinished(SOON_MS)) === 0 ? idle + 1 : 0;
    if (idle < LOOKS) return;
    clearInterval(timer);
    log.info({}, "nothing is left to do");
    leave();
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => log.error({ err: error }, "the worker cannot see what is left to do"));
  }, LOOK_MS);
}
