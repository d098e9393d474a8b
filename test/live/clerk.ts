import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Run } from "../../src/core/store.ts";
import { expectBooksToAgree, type Home } from "../crash/books.ts";
import type { Setup, Wish } from "../crash/orders.ts";
import { Player } from "../crash/player.ts";
import { openHouse } from "../house.ts";
import type { Asked, Reply } from "../stub/script.ts";
import type { Vendor } from "../stub/vendor.ts";
import { desk } from "./desk.ts";
import { agent } from "./stage.ts";

const LONG_MS = 60_000;

/** What the clerk wants in each turn; each of its calls says which turn of which run it belongs to. */
const WISHES = [["look", "file"], ["look", "pay"], ["delete_all"]] as const;

/** An agent that looks and files, pays, and destroys what a person allows it to, turn by turn; then it has done. */
export function clerk({ messages }: Pick<Asked, "messages">): Reply {
  const turn = messages.filter(({ role }) => role === "assistant").length;
  const tag = /\[([^\]]+)\]/.exec(messages.find(({ role }) => role === "user")?.content ?? "")?.[1] ?? "";
  const wishes = WISHES[turn];
  if (!wishes) return { text: "Done." };
  const uses = wishes.map((name) => ({ name: `desk_${name}`, arguments: { of: `${tag}.${turn}` } }));
  const note = { name: "notes_write", arguments: { key: "done", value: turn } };
  return { uses: turn === 1 ? [...uses, note] : uses };
}

/** The clerk's office: its file, its server of tools, and what that has done. */
export class Office {
  readonly #home: Home;
  readonly setup: Setup;

  constructor(home: Home, vendor: Vendor) {
    this.#home = home;
    const agents = join(home.folder, "agents");
    mkdirSync(agents);
    const own = { tools: ["desk/*"], scratchpad: { read: ["*"], write: ["*"] } };
    writeFileSync(join(agents, "clerk.md"), agent("clerk", own));
    this.setup = { home: home.path, vendor: vendor.v1, agents, mcp_servers: { desk: desk(this.#done) } };
  }

  get #done(): string {
    return join(this.#home.folder, "done");
  }

  wish = (tag: string): Wish => ({
    key: tag,
    pattern: "run_agent",
    input: { agent: "clerk", task: `[${tag}] Do what there is to do.` },
  });

  /** The next call of this tool kills its caller, once it has done what it does. */
  makeDeadly(tool: string): void {
    writeFileSync(`${this.#done}.deadly`, tool);
  }

  /** How often each call of a run was made, such as `pay 1`. */
  calls(tag: string): ReadonlyMap<string, number> {
    const lines = existsSync(this.#done) ? readFileSync(this.#done, "utf8").split("\n") : [];
    const own = lines.flatMap((line) => {
      const [name = "", of = ""] = line.split(" ");
      return of.startsWith(`${tag}.`) ? `${name} ${of.slice(tag.length + 1)}` : [];
    });
    return new Map([...Map.groupBy(own, (call) => call)].map(([call, all]) => [call, all.length]));
  }

  /** The calls whose end stands in the journal, as `calls` names them. */
  async finished(tag: string): Promise<readonly string[]> {
    const told = (await this.#home.runs()).find(({ run }) => JSON.stringify(run.input).includes(`[${tag}]`));
    return (told?.memory.lines ?? []).flatMap(({ agent: by, state, value }) => {
      if (by !== "tool" || state !== "done") return [];
      const [, name = "", turn = ""] = /^(\w+) \S+\.(\d+): done/.exec((value as { text: string }).text) ?? [];
      return `${name} ${turn}`;
    });
  }

  /** Plays a run to its end: a person allows what asks for it, and says of what was cut off whether it was done. */
  async play(player: Player, tag: string): Promise<{ readonly run: Run; readonly asked: readonly string[] }> {
    const { id } = await player.tell("start", this.wish(tag));
    const asked: string[] = [];
    for (;;) {
      const run = await player.tell("wait", { id, ms: LONG_MS });
      if (run.status !== "waiting") return { run, asked };
      const place = (await this.#home.look((store) => store.progress(id))).waiting[0]?.place ?? "";
      asked.push(place);
      await player.tell("decide", {
        id,
        how: place.includes("~done") && !this.#wasDone(tag, place) ? "rejected" : "approved",
      });
    }
  }

  #wasDone(tag: string, place: string): boolean {
    const [, name] = /desk_(\w+)\//.exec(place) ?? [];
    return [...this.calls(tag).keys()].some((call) => call.startsWith(`${name} `));
  }
}

export interface Life {
  readonly died: boolean;
  readonly run: Run;
  readonly asked: readonly string[];
  readonly player: Player;
}

/** Begins a run in a process that may die of it, and plays it to its end in the next; what must hold holds. */
export async function survived(office: Office, player: Player, tag: string): Promise<Life> {
  const first = await office.play(player, tag).then(
    ({ run, asked }) => ({ run, asked }),
    () => undefined,
  );
  if (first) return { ...first, died: false, player };
  expect(await player.exited, player.complaints).toBe("SIGKILL");
  const finished = await office.finished(tag);
  const before = office.calls(tag);
  const next = await Player.open(office.setup);
  const { run, asked } = await office.play(next, tag);
  const after = office.calls(tag);
  for (const call of finished) expect(after.get(call), `${tag}: ${call} was finished`).toBe(before.get(call));
  return { died: true, run, asked, player: next };
}

/** The run has ended well, and what changes the world was done once. */
export function expectDoneOnce(office: Office, tag: string, { run }: Pick<Life, "run">): void {
  expect(run, tag).toMatchObject({ status: "succeeded", output: "Done." });
  const calls = office.calls(tag);
  expect([calls.get("pay 1"), calls.get("delete_all 2")], tag).toEqual([1, 1]);
  for (const call of ["look 0", "file 0", "look 1"]) {
    expect(calls.get(call), `${tag}: ${call}`).toBeGreaterThan(0);
    expect(calls.get(call), `${tag}: ${call}`).toBeLessThan(3);
  }
}

/** The books agree, and each journal, played again, leads to the same end. */
export async function expectAllWell(home: Home, vendor: Vendor): Promise<void> {
  await expectBooksToAgree(home, vendor);
  const house = await openHouse({ home: home.folder, vendor });
  await house[Symbol.asyncDispose]();
}
