import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { MIGRATIONS, SQLITE_TRIGGERS } from "../../src/store/migrations.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { cleaned } from "./home.ts";
import { claim, event, openFor, REAL_CLOCK } from "./kit.ts";

const { folder, after } = cleaned();

/** A file as the first release has left it: with a run that is put down until somebody approves. */
function firstFormat(home: string): void {
  const db = new DatabaseSync(join(home, "baton.db"));
  db.exec("pragma journal_mode = wal; pragma application_id = 1113683055");
  db.exec(`${MIGRATIONS[0]} ${SQLITE_TRIGGERS}`);
  db.exec(`
    insert into texts values ('k', '{}', 0);
    insert into runs (id, status, pattern, pattern_version, caller, labels, priority, catalogue, seed, needs, on_budget,
      cap_explicit, rank, created_at)
    values ('r_old', 'queued', 'run_pipeline', 1, 'local', '[]', 0, 'k', 's', '["provider:stub"]', 'fail', 0, 0, 0);
    update runs set status = 'running' where id = 'r_old';
    update runs set status = 'waiting' where id = 'r_old';
    insert into waits (run, generation, place, kind, state, opened_at) values ('r_old', 1, 'gate', 'approval', 'open', 0);
    pragma user_version = 1;
  `);
  db.close();
}

test("a file of the first release is brought up to date with all that was in it, and then takes events", async () => {
  const home = folder();
  firstFormat(home);
  const store = await openStore({ home, clock: REAL_CLOCK });
  after(() => store.close());
  await store.publish(event("1"), "local");
  expect(await store.get("r_old")).toMatchObject({ status: "waiting" });
  await store.decide("r_old", "gate", { how: "approved" }, "ann");
  const claimed = await claim(store);
  expect(claimed?.memory.waits).toMatchObject([{ place: "gate", state: "answered" }]);
  const fence = { run: "r_old", epoch: claimed?.run.epoch ?? 0 };
  const opened = await store.write(fence, [openFor("paid", { type: "order.paid" })]);
  expect(opened).toMatchObject([{ did: "opened", wait: { state: "answered" } }]);
});
