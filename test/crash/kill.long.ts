import { afterEach, describe, expect, test } from "vitest";
import { Home } from "./books.ts";
import { dies, expectAllWell, survivor } from "./lives.ts";
import { pause, seeded, until } from "./patience.ts";
import { Player } from "./player.ts";
import { answer, oneCall, STORIES, type Story, stories, tellStories } from "./stories.ts";

afterEach(() => Player.endAll());

describe("SIGKILL right after every single commit", () => {
  test.each(Object.keys(STORIES) as Story[])("of %s: it ends as if nothing had happened", async (name) => {
    using home = new Home();
    const vendor = await tellStories();
    const setup = { home: home.path, vendor: vendor.v1 };
    const tell = (tag: string) => [STORIES[name](tag)];
    let [undisturbed, player] = await survivor(setup, tell("undisturbed"));
    let deaths = 0;
    for (let commit = 1; ; commit++) {
      await player.tell("killAfter", commit);
      if (!(await dies(player, tell(`k${commit}`)))) break;
      deaths++;
      const [outputs, next] = await survivor(setup, tell(`k${commit}`));
      expect(outputs, `killed after commit ${commit}`).toEqual(undisturbed);
      player = next;
    }
    // Each of its calls takes more than one commit to ask or to tell, but for those that share one.
    expect(deaths).toBeGreaterThan(2);
    await expectAllWell(home, vendor);
    await vendor.close();
  });

  test("of all three at once, and again in the process that takes them up", async () => {
    using home = new Home();
    const vendor = await tellStories();
    const setup = { home: home.path, vendor: vendor.v1 };
    let [undisturbed, player] = await survivor(setup, stories("undisturbed"));
    for (let commit = 2; commit < 14; commit++) {
      await player.tell("killAfter", commit);
      if (!(await dies(player, stories(`k${commit}`)))) break;
      // Counted from its first commit, so that the taking up itself is cut.
      const second = new Player({ ...setup, kill_after: 1 + (commit % 6) });
      await dies(second, stories(`k${commit}`));
      const [outputs, next] = await survivor(setup, stories(`k${commit}`));
      expect(outputs, `killed after commit ${commit}`).toEqual(undisturbed);
      player = next;
    }
    await player.kill();
    await expectAllWell(home, vendor);
    await vendor.close();
  });
});

test("SIGKILL at forty moments, in mid-stream and between commits, some twice in a row", async () => {
  using home = new Home();
  const vendor = await tellStories({ latency_ms: 10, first_token_ms: 20, chunk_ms: 20 });
  const setup = { home: home.path, vendor: vendor.v1 };
  const random = seeded(40);
  let [undisturbed, player] = await survivor(setup, stories("undisturbed"));
  for (let death = 1; death <= 40; death++) {
    const wishes = stories(`d${death}`);
    const victims = death % 3 === 0 ? [player, new Player(setup)] : [player];
    for (const victim of victims) {
      const dying = dies(victim, wishes);
      await pause(random() * 900);
      await victim.kill();
      await dying;
    }
    const [outputs, next] = await survivor(setup, wishes);
    expect(outputs, `death ${death}`).toEqual(undisturbed);
    player = next;
  }
  await player.kill();
  await expectAllWell(home, vendor);
  await vendor.close();
});

test("a step in flight at three deaths ends its run, and is not paid a fourth time", async () => {
  using home = new Home();
  const vendor = await tellStories({ fault: "hang" });
  const setup = { home: home.path, vendor: vendor.v1 };
  for (const death of [1, 2, 3]) {
    const player = await Player.open(setup);
    await player.tell("start", oneCall("deadly"));
    await until("it is asked", () => vendor.report().count === death);
    await player.kill();
  }
  vendor.follow(answer);
  const player = await Player.open(setup);
  const { id } = await player.tell("start", oneCall("deadly"));
  const run = await player.tell("wait", { id, ms: 30_000 });
  expect(run).toMatchObject({ status: "dead", crashes: 3, error: { code: "CRASH_LOOP" } });
  expect(vendor.report().count).toBe(3);
  await player.tell("stop", 1000);
  await expectAllWell(home, vendor);
  await vendor.close();
});
