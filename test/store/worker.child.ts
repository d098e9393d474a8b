// One of several processes on one home: makes runs by shared keys, claims what there is, holds money of a shared day.
import { openStore } from "../../src/store/sqlite/open.ts";
import { claim, doing, hold, newRun, REAL_CLOCK, ROOM } from "./kit.ts";

const [home = "", name = "", keys = "0"] = process.argv.slice(2);
const store = await openStore({ home, clock: REAL_CLOCK });
const say = (kind: string, what: string) => process.stdout.write(`${kind} ${what}\n`);

for (let i = 0; i < Number(keys); i++) {
  const wish = newRun({ idempotency: { key: `key ${i}`, hash: "h" } });
  const { run, existed } = await store.create(wish, ROOM);
  if (!existed) say("made", run.id);
}
const nodes = [{ id: "day:shared", scope: "day", caps: { usd: 100 } }] as const;
for (;;) {
  const claimed = await claim(store, name);
  if (!claimed) break;
  say("claimed", claimed.run.id);
  const fence = { run: claimed.run.id, epoch: claimed.run.epoch };
  const told = await doing(store, fence, hold(1, 7, { nodes }));
  if (told?.did === "held") say("held", claimed.run.id);
}
await store.close();
