// A whole Baton in a process of its own, which publishes one event and may be killed at one of the commits that follow.
import { readConfig } from "../../src/config.ts";
import type { Settings } from "../../src/core/settings.ts";
import { openBaton } from "../../src/server.ts";
import { eventually } from "../house.ts";
import { event } from "../store/kit.ts";

export interface Errand {
  readonly home: string;
  readonly settings: Partial<Settings>;
  /** Dies as soon as so many commits are made from the publishing on, which is the first; else when all is done. */
  readonly dies?: number;
  /** Takes up what is due. */
  readonly awake: boolean;
  readonly id: string;
}

const { home, settings, dies, awake, id } = JSON.parse(process.argv[2] ?? "{}") as Errand;
let left = Number.POSITIVE_INFINITY;
const baton = await openBaton(readConfig({ cwd: home, env: {}, overrides: settings }), {
  env: {},
  afterCommit: () => {
    if (--left === 0) process.kill(process.pid, "SIGKILL");
  },
});
if (awake) baton.engine.awaken();
left = dies ?? left;
const { woke } = await baton.store.publish(event(id), "test");
process.stdout.write(`${JSON.stringify(woke)}\n`);
if (!awake) {
  await baton.close(0);
} else {
  await eventually(async () => (await baton.store.deliveries({ state: "done", limit: 1 })).length === 1);
  process.kill(process.pid, "SIGKILL");
}
