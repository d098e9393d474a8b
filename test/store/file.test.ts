import { createHash } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { CHANGES, STATUSES, type Status } from "../../src/core/status.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { Child } from "./child.ts";
import { cleaned } from "./home.ts";
import { claim, doing, end, FakeClock, hold, line, newRun, played, REAL_CLOCK, ROOM, settle } from "./kit.ts";

const { folder, after } = cleaned();

async function opened(home: string) {
  const store = await openStore({ home, clock: REAL_CLOCK });
  after(() => store.close());
  return store;
}

/** The file as any other program reads it. */
function file(home: string): DatabaseSync {
  const db = new DatabaseSync(join(home, "baton.db"));
  after(() => db.close());
  return db;
}

const PAIRS = STATUSES.flatMap((before) => STATUSES.map((next) => [before, next] as const));

/** How a queued run comes to each status. */
const WAYS: Record<Status, readonly Status[]> = {
  queued: [],
  running: ["running"],
  waiting: ["running", "waiting"],
  succeeded: ["running", "succeeded"],
  failed: ["running", "failed"],
  cancelled: ["cancelled"],
  dead: ["running", "dead"],
};

const bytes = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
const refused = (home: string) => openStore({ home, clock: REAL_CLOCK });

describe("the home of a store", () => {
  test("is made for nobody else to read, and kept out of version control", async () => {
    const home = join(folder(), "deep", "home");
    await opened(home);
    expect(readFileSync(join(home, ".gitignore"), "utf8")).toBe("*\n");
    if (process.platform === "win32") return;
    expect(statSync(home).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(home)) expect(statSync(join(home, name)).mode & 0o077).toBe(0);
  });

  test("that is somebody's folder already is not kept out of version control", async () => {
    const home = folder();
    writeFileSync(join(home, "notes.md"), "mine");
    await opened(home);
    expect(readdirSync(home)).not.toContain(".gitignore");
  });

  test("is opened again with all that was in it", async () => {
    const home = folder();
    const first = await openStore({ home, clock: REAL_CLOCK });
    const { run } = await first.create(newRun(), ROOM);
    await first.close();
    expect(await (await opened(home)).get(run.id)).toEqual(run);
  });

  test.each([
    ["another program's database", (path: string) => new DatabaseSync(path).exec("create table notes (x)")],
    ["no database at all", (path: string) => writeFileSync(path, "dear diary, ".repeat(200))],
  ])("is refused where its file is %s, and nothing is changed in it", async (_, make) => {
    const home = folder();
    const path = join(home, "baton.db");
    make(path);
    const before = bytes(path);
    await expect(refused(home)).rejects.toMatchObject({ code: "STORE_FOREIGN" });
    expect(bytes(path)).toBe(before);
  });

  test("is refused where a newer version has used it, and says to update", async () => {
    const home = folder();
    await (await openStore({ home, clock: REAL_CLOCK })).close();
    const path = join(home, "baton.db");
    const db = new DatabaseSync(path);
    db.exec("pragma user_version = 99");
    db.close();
    const before = bytes(path);
    await expect(refused(home)).rejects.toMatchObject({ code: "STORE_NEWER", options: { hint: /Update baton/ } });
    expect(bytes(path)).toBe(before);
  });

  test("is left alone by a process whose file a newer version has taken over", async () => {
    const home = folder();
    const store = await opened(home);
    const fence = await played(store);
    file(home).exec("pragma user_version = 99");
    await expect(store.write(fence, [line(1)])).rejects.toMatchObject({ code: "STORE_NEWER" });
    await expect(store.create(newRun(), ROOM)).rejects.toMatchObject({ code: "STORE_NEWER" });
    expect(store.ailing?.code).toBe("STORE_NEWER");
    expect((await store.memory(fence.run)).lines).toEqual([]);
  });

  test.skipIf(process.platform === "win32")(
    "that cannot be written is refused, and says so",
    { timeout: 30_000 },
    async () => {
      const locked = folder();
      chmodSync(locked, 0o555);
      expect(await new Child("nobody.child.ts", join(locked, "home")).ends()).toEqual(["STORE_READ_ONLY"]);
      expect(await new Child("nobody.child.ts", locked).ends()).toEqual(["STORE_READ_ONLY"]);

      const readable = join(folder(), "home");
      await (await openStore({ home: readable, clock: REAL_CLOCK })).close();
      chmodSync(join(readable, "baton.db"), 0o444);
      chmodSync(readable, 0o555);
      expect(await new Child("nobody.child.ts", readable).ends()).toEqual(["STORE_READ_ONLY"]);
      chmodSync(readable, 0o755);
    },
  );
});

describe("the file itself", () => {
  test("allows the legal changes of status and no others", async () => {
    const home = folder();
    await opened(home);
    const db = file(home);
    const insert = db.prepare(
      `insert into runs (id, status, pattern, pattern_version, caller, labels, priority, catalogue, seed, needs, on_budget,
         cap_explicit, rank, created_at) values (?, 'queued', 'p', 1, 'c', '[]', 0, 'k', 's', '[]', 'fail', 0, 0, 0)`,
    );
    const change = db.prepare("update runs set status = ? where id = ?");
    for (const [before, next] of PAIRS) {
      const id = `${before} ${next}`;
      insert.run(id);
      for (const status of WAYS[before]) change.run(status, id);
      const attempt = () => change.run(next, id).changes;
      if (next === before || CHANGES[before].includes(next)) expect(attempt(), id).toBe(1);
      else expect(attempt, id).toThrow(/illegal change of status/);
    }
    expect(() => db.exec("insert into runs select * from runs where status = 'dead' limit 1")).toThrow(/begins queued/);
  });

  test("shows every finished call to whoever reads it with SQL", async () => {
    const home = folder();
    const store = await opened(home);
    const fence = await played(store);
    const error = { code: "OVERLOADED", kind: "transient", message: "busy", retryable: true } as const;
    const refusal = { code: "REFUSED", kind: "semantic", message: "no", retryable: false } as const;
    await store.write(
      fence,
      [1, 2, 3, 4, 5].map((id) => hold(id, 5_000_000, { place: id < 4 ? "critic" : `other${id}` })),
    );
    await store.write(fence, [
      settle(1, 1, { result: "failed", error }),
      settle(2, 2_500_000, { result: "bad" }),
      settle(3, 3),
      settle(4, 4, { result: "failed", error: refusal }),
    ]);
    const calls = file(home).prepare("select * from calls").all();
    expect(calls.map((call) => [call["step"], call["attempts"], call["exit_status"]])).toEqual([
      ["critic", 1, "exception"],
      ["critic", 2, "semantic failure"],
      ["critic", 3, "success"],
      ["other4", 1, "semantic failure"],
    ]);
    expect(calls[1]).toMatchObject({
      run_id: fence.run,
      agent: "writer",
      agent_version: "1a2b",
      model: "stub/small",
      input_tokens: 3,
      cached_tokens: 0,
      output_tokens: 2,
      reasoning_tokens: 0,
      usd: 0.0025,
      latency_ms: 12,
      input_schema_version: null,
    });
  });

  test("with a damaged run in it still gives the others to play", async () => {
    const home = folder();
    const store = await opened(home);
    const { run } = await store.create(newRun({ input: { task: "lost ".repeat(100) } }), ROOM);
    const { run: sound } = await store.create(newRun(), ROOM);
    file(home).exec("delete from texts where body like '%lost lost%'");
    const claimed = [await claim(store), await claim(store)].flatMap((each) => each?.run.id ?? []);
    expect(claimed).toEqual([sound.id]);
    const rows = file(home).prepare("select status, error from runs where id = ?").get(run.id);
    expect(rows).toMatchObject({ status: "dead", error: expect.stringContaining("cannot be read") });
  });

  test("has its write-ahead log put away when nothing is written for a while", async () => {
    const home = folder();
    const clock = new FakeClock();
    const store = await openStore({ home, clock });
    after(() => store.close());
    await store.create(newRun(), ROOM);
    const log = () => statSync(join(home, "baton.db-wal")).size;
    expect(log()).toBeGreaterThan(0);
    clock.pass(2000);
    expect(log()).toBe(0);
  });

  test("grows by at most three times what is said in it, however long the run is", { timeout: 60_000 }, async () => {
    const home = folder();
    const store = await openStore({ home, clock: REAL_CLOCK });
    const size = () => statSync(join(home, "baton.db")).size;
    const fence = await played(store);
    const sizes: number[] = [];
    let payload = 0;
    for (let step = 1; step <= 300; step++) {
      const prompt = text(step, 2048);
      const reply = text(-step, 2048);
      payload += prompt.length + reply.length;
      const wish = hold(step, 1);
      const input = { system: "You judge. ".repeat(100), messages: [{ role: "user", content: prompt }] };
      if (wish.do === "hold") Object.assign(wish.hold.attempt, { input });
      await store.write(fence, [wish]);
      await store.write(fence, [settle(step, 1, { reply }), line(step, { value: reply })]);
      if (step % 100 === 0) {
        file(home).exec("pragma wal_checkpoint(truncate)");
        sizes.push(size());
      }
    }
    await doing(store, fence, end("succeeded", { output: text(-300, 2048) }));
    await store.close();
    expect(size()).toBeLessThan(3 * payload);
    const [first = 0, second = 0, third = 0] = sizes;
    expect(third - second).toBeLessThan(1.2 * (second - first));
  });
});

/** So many letters that say nothing twice. */
function text(seed: number, length: number): string {
  let said = "";
  for (let i = 0; said.length < length; i++) said += createHash("md5").update(`${seed} ${i}`).digest("base64");
  return said.slice(0, length);
}
