import { expect } from "vitest";
import { CATALOGUE, claim } from "../store/kit.ts";
import type { Home } from "./books.ts";
import { until } from "./patience.ts";
import { Player } from "./player.ts";
import type { openReceivers } from "./receivers.ts";

export type Receivers = Awaited<ReturnType<typeof openReceivers>>;

const ORDERS = ["hotel", "flight", "car"];

/** A run that has placed orders and then died, written down by nobody who could play it. */
async function deadRun(home: Home, host: string, nth: number): Promise<string> {
  return home.look(async (store) => {
    const wish = { pattern: "run_pipeline", pattern_version: 1, input: {}, caller: "local", caps: { explicit: false } };
    const rest = {
      on_budget: "fail",
      priority: 0,
      labels: [],
      catalogue: CATALOGUE,
      seed: "s",
      needs: ["provider:stub"],
    } as const;
    const { run } = await store.create({ id: `r_dead_${nth}`, ...wish, ...rest }, { queued: 100 });
    const claimed = await claim(store);
    const told = ORDERS.flatMap((what, i) => [
      { place: `${what}/~claim`, seq: 2 * i + 1, value: claimOf(host, `${what}-${nth}`) },
      { place: what, seq: 2 * i + 2, value: { status: 200, headers: {}, body: { id: what } } },
    ]);
    const common = { generation: 1, kind: "choice", print: "p", state: "done", ms: 1, at: 1 } as const;
    await store.write({ run: run.id, epoch: claimed?.run.epoch ?? 0 }, [
      ...told.map((line) => ({ do: "line", line: { ...common, ...line } }) as const),
      { do: "end", ending: { status: "dead", degraded: [] } },
    ]);
    return run.id;
  });
}

const claimOf = (host: string, what: string) => ({
  does: "http",
  input: { method: "POST", url: `http://${host}/plain/${what}` },
  key: what,
  compensate: {
    does: "http",
    input: { method: "POST", url: `http://${host}/keyed/back-{{ output.id }}-${what}` },
    values: {},
    output: "body",
  },
});

/** The run that takes back what another did. */
export const undoingOf = (home: Home, run: string): Promise<string> =>
  until("it is taken back", () => home.look(async (store) => (await store.undoings(run)).at(-1)?.id));

/** What was taken back of one run, in order, and how often each. */
export const backs = ({ done }: Receivers, nth: number): readonly (readonly [string, number])[] =>
  [...done].filter(([what]) => what.startsWith("/keyed/back-") && what.endsWith(`-${nth}`));

/** Takes it up, dies right after so many commits, and lets another go on: all is taken back once, the last first. */
export async function expectTakenBackThroughDeath(
  home: Home,
  receivers: Receivers,
  commits: number,
): Promise<"died" | "lived"> {
  const { host } = receivers;
  const run = await deadRun(home, host, commits);
  const id = await undoingOf(home, run);
  const setup = { home: home.path, vendor: "http://127.0.0.1:9", hosts: [host] };
  const doomed = await Player.open(setup);
  await doomed.tell("killAfter", commits);
  const first = await Promise.race([
    doomed.exited.then(() => "died" as const),
    doomed
      .tell("awaken")
      .then(() => doomed.tell("wait", { id, ms: 30_000 }))
      .then(
        () => "lived" as const,
        () => "died" as const,
      ),
  ]);
  if (first === "lived") await doomed.kill();
  const player = await Player.open(setup);
  await player.tell("awaken");
  expect(await player.tell("wait", { id, ms: 30_000 }), String(commits)).toMatchObject({ status: "succeeded" });
  await player.kill();
  expect(backs(receivers, commits), String(commits)).toEqual(
    ORDERS.toReversed().map((what) => [`/keyed/back-${what}-${what}-${commits}`, 1]),
  );
  const { degraded } = await home.look(async (store) => (await store.get(run)) ?? { degraded: [] });
  expect(degraded).toEqual(["what it did was taken back: car, flight, hotel"]);
  return first;
}
