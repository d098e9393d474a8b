// Holds a worker's lock until it is killed, keeps nothing else of it, and lets the collector look for what is not kept.
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { holdLock } from "../../src/store/sqlite/lock.ts";

const { identity } = holdLock(process.argv[2] ?? "");
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
for (let i = 0; i < 3; i++) {
  collect();
  await pause(10);
}
process.stdout.write(`${JSON.stringify(identity)}\n`);
setInterval(() => {}, 1000);
