import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { SqlStore } from "../../src/store/sql-store.ts";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { SqliteDriver } from "../../src/store/sqlite/driver.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { cleaned } from "./home.ts";
import { FakeClock, line, newRun, played, ROOM } from "./kit.ts";

const { folder, after } = cleaned();

/** A store whose disk can be filled up: SQLite itself says that there is no room. */
async function withDisk() {
  const home = folder();
  const clock = new FakeClock();
  await (await openStore({ home, clock })).close();
  const path = join(home, "baton.db");
  const [writer, reader] = [new Connection(path), new Connection(path)];
  const store = new SqlStore(new SqliteDriver(writer, reader, { path, clock }));
  after(() => store.close());
  const room = (pages: number) => writer.exec(`pragma max_page_count = ${pages}`);
  return { store, clock, fill: () => room(1), free: () => room(1_000_000) };
}

const long = (seq: number) => line(seq, { value: `${seq} `.repeat(20_000) });
const turn = () => new Promise((resolve) => setTimeout(resolve, 20));

describe("a locked file", () => {
  test("is tried again and again, and given up after a minute, with who may be the cause", async () => {
    const home = folder();
    const clock = new FakeClock();
    const store = await openStore({ home, clock });
    after(() => store.close());
    const other = new DatabaseSync(join(home, "baton.db"));
    other.exec("begin immediate");
    const creating = store.create(newRun(), ROOM);
    const told = expect(creating).rejects.toMatchObject({ code: "STORE_BUSY", kind: "transient" });
    await turn();
    clock.pass(30_000);
    clock.pass(31_000);
    await told;
    other.exec("rollback");
    other.close();
    expect((await store.create(newRun(), ROOM)).existed).toBe(false);
  });
});

describe("a full disk", () => {
  test("keeps what a player writes, in order, and writes it as soon as there is room", async () => {
    const { store, clock, fill, free } = await withDisk();
    const fence = await played(store);
    fill();
    const done: number[] = [];
    const writing = [1, 2, 3].map((seq) => store.write(fence, [long(seq)]).then(() => done.push(seq)));
    await turn();
    expect(store.ailing).toMatchObject({ code: "STORE_FULL" });
    clock.pass(500);
    await turn();
    expect(done).toEqual([]);
    expect(store.ailing).toMatchObject({ code: "STORE_FULL" });
    free();
    clock.pass(500);
    await Promise.all(writing);
    expect(done).toEqual([1, 2, 3]);
    expect(store.ailing).toBeUndefined();
    expect((await store.memory(fence.run)).lines.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  test("refuses new runs at once, and takes them again when there is room", async () => {
    const { store, clock, fill, free } = await withDisk();
    const fence = await played(store);
    fill();
    const big = () => store.create(newRun({ input: { task: "x".repeat(100_000) } }), ROOM);
    await expect(big()).rejects.toMatchObject({ code: "STORE_FULL" });
    await expect(store.cancel(fence.run)).rejects.toMatchObject({ code: "STORE_FULL" });
    free();
    clock.pass(500);
    await turn();
    expect(store.ailing).toBeUndefined();
    expect((await big()).existed).toBe(false);
  });

  test("is not hidden by a close: what could not be written says so", async () => {
    const { store, fill } = await withDisk();
    const fence = await played(store);
    fill();
    const writing = store.write(fence, [long(1)]);
    const told = expect(writing).rejects.toMatchObject({ code: "STORE_FULL" });
    await turn();
    await store.close();
    await told;
    await expect(store.write(fence, [line(2)])).rejects.toThrow(/closed/);
  });
});
