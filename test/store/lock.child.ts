// Holds a worker's lock until it is killed.
import { holdLock } from "../../src/store/sqlite/lock.ts";

const lock = holdLock(process.argv[2] ?? "");
process.stdout.write(`${JSON.stringify(lock.identity)}\n`);
setInterval(() => {}, 1000);
