import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { baton } from "../cli/server-process.ts";
import { Home } from "./books.ts";
import { until } from "./patience.ts";
import { Player } from "./player.ts";
import { SmallDisk } from "./small-disk.ts";
import { holdBack, oneCall, pipeline, tellStories } from "./stories.ts";

afterEach(() => Player.endAll());

const database = (home: Home): string => join(home.path, "baton.db");

function change(home: Home, sql: string): void {
  const db = new DatabaseSync(database(home));
  db.exec(sql);
  db.close();
}

/** What a server, and a command that only looks, say where they cannot begin: in words, and with a code that is not 0. */
async function refusal(home: Home): Promise<string> {
  const server = await baton(["serve", "--http", "--port", "0"], home.path);
  const looker = await baton(["runs"], home.path);
  expect({ server: server.code, looker: looker.code === 0 }).toEqual({ server: 1, looker: false });
  const said = [server, looker].map(({ stderr }) => stderr).join("\n");
  expect([server, looker].map(({ stdout }) => stdout).join("")).toBe("");
  expect(said).not.toMatch(/^\s+at /m);
  return said;
}

test.each([
  ["a text", (path: string) => writeFileSync(path, "Dear diary, today I was mistaken for a database.".repeat(100))],
  [
    "somebody else's database",
    (path: string) => {
      const db = new DatabaseSync(path);
      db.exec("create table cats (name text); insert into cats values ('Tom')");
      db.close();
    },
  ],
])(
  "a server whose file is %s says so, stops, and leaves it as it is",
  async (_, make) => {
    using home = new Home();
    mkdirSync(home.path);
    make(database(home));
    const before = readFileSync(database(home));
    expect(await refusal(home)).toMatch(/baton\.db is not one of ours[\s\S]*set another `home`/i);
    expect(readFileSync(database(home)).equals(before)).toBe(true);
  },
  60_000,
);

test("a server whose file a newer version has used says so, stops, and leaves it as it is", async () => {
  using home = new Home();
  await home.runs();
  change(home, "pragma user_version = 99");
  expect(await refusal(home)).toMatch(/format 99[\s\S]*update baton/i);
  change(home, "select 1");
}, 60_000);

test("a server under which the file is made newer writes nothing more, asks for nothing more, and says why", async () => {
  using home = new Home();
  const vendor = await tellStories();
  const answerNow = holdBack(vendor);
  const player = await Player.open({ home: home.path, vendor: vendor.v1 });
  await player.tell("start", pipeline("old"));
  await until("its first call is in flight", () => vendor.report().open === 1);
  change(home, "pragma user_version = 99");
  answerNow();
  await until("the call is answered", () => vendor.report().open === 0);
  await expect(player.tell("start", oneCall("too late"))).rejects.toMatchObject({ code: "STORE_NEWER" });
  expect(vendor.report().count).toBe(1);
  await player.kill();
  change(home, "pragma user_version = 1");
  await vendor.close();
}, 60_000);

test("a server that may not write to its home says so and stops, whether there are runs in it or nothing yet", async ({
  skip,
}) => {
  using disk = SmallDisk.mount();
  if (!disk) return skip("nothing can be mounted here");
  disk.lock();
  expect(await refusal(disk)).toMatch(/cannot be written[\s\S]*another `home`/i);
  disk.unlock();
  await disk.runs();
  disk.lock();
  expect(await refusal(disk)).toMatch(/cannot be written[\s\S]*another `home`/i);
}, 60_000);
