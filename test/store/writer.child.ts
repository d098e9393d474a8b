// Writes line after line and says so only when the store says that it is durable.
import { openStore } from "../../src/store/sqlite/open.ts";
import { line, played, REAL_CLOCK } from "./kit.ts";

const [home = "", killAfter = ""] = process.argv.slice(2);
const afterCommit = (count: number) => {
  if (count === Number(killAfter)) process.kill(process.pid, "SIGKILL");
};
const store = await openStore({ home, clock: REAL_CLOCK, afterCommit });
const fence = await played(store);
process.stdout.write(`${fence.run}\n`);
for (let seq = 1; ; seq++) {
  await store.write(fence, [line(seq, { value: `${seq} `.repeat(500) })]);
  process.stdout.write(`${seq}\n`);
}
