import { afterEach, expect, test } from "vitest";
import type { Run } from "../../src/core/store.ts";
import { Home } from "./books.ts";
import type { Wish } from "./orders.ts";
import { pause, seeded } from "./patience.ts";
import { Player } from "./player.ts";
import { openReceivers } from "./receivers.ts";

afterEach(() => Player.endAll());

const DEATHS = 200;
const DOORS = ["plain", "known", "keyed"] as const;
type Door = (typeof DOORS)[number];

/** A workflow that places one order. */
function order(host: string, door: Door, nth: number): Wish {
  const url = `http://${host}/${door}/${nth}`;
  const place = {
    http: { method: "POST", url, body: { nth } },
    effect: door === "keyed" ? { idempotent: true } : true,
    ...(door === "known" && { verify: { http: { url }, done: "true" } }),
  };
  return { key: `${door}-${nth}`, pattern: "run_workflow", input: { definition: { nodes: { place } } } };
}

async function taken(player: Player, wishes: readonly Wish[]): Promise<readonly Run[]> {
  const started = await Promise.all(wishes.map((wish) => player.tell("start", wish)));
  return Promise.all(started.map(({ id }) => player.tell("wait", { id, ms: 60_000 })));
}

test(`through ${DEATHS} deaths an order is placed at most once, and by whoever can tell exactly once`, {
  timeout: 1_200_000,
}, async () => {
  using home = new Home();
  const random = seeded(200);
  await using receivers = await openReceivers(random);
  const { host, done } = receivers;
  // No model is asked here.
  const setup = { home: home.path, vendor: "http://127.0.0.1:9", hosts: [host] };
  let asked = 0;
  let player = await Player.open(setup);
  for (let death = 1; death <= DEATHS; death++) {
    const wishes = DOORS.map((door) => order(host, door, death));
    const dying = taken(player, wishes).catch(() => []);
    await pause(random() * 120);
    await player.kill();
    await dying;
    player = await Player.open(setup);
    const runs = await taken(player, wishes);
    for (const [i, door] of DOORS.entries()) {
      const { status, error, output } = runs[i] ?? {};
      const times = done.get(`/${door}/${death}`) ?? 0;
      const told = JSON.stringify({ death, door, status, error, times });
      if (door === "plain" && status === "waiting") {
        asked++;
        expect(times, told).toBeLessThanOrEqual(1);
      } else {
        expect([status, times], told).toEqual(["succeeded", 1]);
        expect(output, told).toEqual({ order: `/${door}/${death}` });
      }
    }
  }
  // Deaths have met orders that were under way, and others.
  expect(asked).toBeGreaterThan(DEATHS / 20);
  expect(asked).toBeLessThan(DEATHS);
});
