import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pattern } from "../../src/core/pattern.ts";
import { hasEnded, type Status } from "../../src/core/status.ts";
import type { RunCaps, RunStore } from "../../src/core/store.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { Audit } from "./audit.ts";
import { CATALOGUE } from "./cast.ts";
import { Dice } from "./dice.ts";
import { Host, type Weather } from "./host.ts";
import { faultsOf } from "./judge.ts";
import { People, type Temper } from "./people.ts";
import { Probe } from "./probe.ts";
import { randomPattern, type StepCaps } from "./programs.ts";
import { Time } from "./time.ts";
import { type Moods, Vendor } from "./vendor.ts";

export interface WorldOptions extends Weather {
  readonly runs?: number;
  readonly temper?: Partial<Temper>;
  readonly moods?: Moods;
  /** Money of a run, in USD, from and to; a caller's and a day's are about as much for all their runs. */
  readonly usd?: readonly [number, number];
  /** Leaves the file of a world that went wrong, for a look into it. */
  readonly keep?: boolean;
}

export interface WorldTold {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly statuses: readonly string[];
  readonly crashes: number;
  readonly requests: number;
  readonly lines: number;
  readonly ms: number;
}

const LONGEST_MS = 60_000;
const AFTERMATH_MS = 2000;

interface Cast {
  readonly id: string;
  readonly pattern: Pattern;
  readonly caps: StepCaps;
}

/** Plays one random world to its end, and tells everything that is wrong with it. */
export async function playWorld(seed: number, options: WorldOptions = {}): Promise<WorldTold> {
  const world = new World(seed, options);
  const realNow = Date.now;
  Date.now = () => world.time.now;
  try {
    return await world.play();
  } finally {
    Date.now = realNow;
    world.clear();
  }
}

class World {
  readonly time = new Time();
  readonly #seed: number;
  readonly #options: WorldOptions;
  readonly #dice: Dice;
  readonly #home: string;
  readonly #faults: string[] = [];
  readonly #cast: readonly Cast[];
  readonly #vendor: Vendor;
  readonly #host: Host;
  readonly #probe: Probe;
  #audit: Audit | undefined;

  constructor(seed: number, options: WorldOptions) {
    const dice = new Dice(seed * 7919 + 1);
    this.#seed = seed;
    this.#options = options;
    this.#dice = dice;
    this.#home = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "baton-world-"));
    this.#cast = Array.from({ length: options.runs ?? 3 }, (_, i) => ({
      id: `r${i}`,
      ...randomPattern(dice.whole(0, 1e9), `program${i}`),
    }));
    const [low, high] = options.usd ?? [0.0005, 0.02];
    const all = this.#cast.length * high;
    this.#vendor = new Vendor(this.time, dice, () => this.#audit?.look(), options.moods);
    this.#probe = new Probe(this.time, dice);
    this.#host = new Host(this.time, dice, options, {
      home: this.#home,
      providers: (asker) => this.#vendor.providersFor(asker),
      patterns: this.#cast.map(({ pattern }) => pattern),
      deeds: (asker) => [this.#probe.deedFor(asker), ...this.#probe.toolsFor(asker)],
      purse: { caller: { usd: dice.between(low, all) }, day: { usd: dice.between(low, all * 1.5) } },
      onCommit: () => this.#audit?.look(),
      onTrouble: (what) => this.#fault(what),
    });
  }

  async play(): Promise<WorldTold> {
    const began = performance.now();
    const { time } = this;
    const store = await openStore({ home: this.#home, clock: time.clockOf("people", () => false) });
    this.#audit = new Audit(
      join(this.#home, "baton.db"),
      (run) => this.#vendor.bill.get(run) ?? 0,
      (what) => this.#fault(what),
    );
    const people = new People(store, this.#audit, time, this.#dice, {
      cancels: 0.002,
      retries: 1,
      pauses: 0,
      ...this.#options.temper,
    });
    for (const each of this.#cast) await this.#create(store, each);
    this.#host.begin();
    people.come();
    await this.#live((audit) => audit.standings().every((one) => hasEnded(one.status as Status) && people.isLeft(one)));
    const end = time.mono + AFTERMATH_MS;
    if (this.#faults.length === 0) await this.#live(() => time.mono > end);
    this.#host.end();
    await time.settle();
    if (this.#faults.length === 0) await this.#judge(store);
    const told = this.#tell(performance.now() - began);
    this.#audit.close();
    await store.close();
    return told;
  }

  clear(): void {
    if (this.#options.keep && this.#faults.length > 0) return console.error(this.#home);
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #live(isOver: (audit: Audit) => boolean): Promise<void> {
    const audit = this.#audit;
    while (audit && this.#faults.length === 0 && !isOver(audit)) {
      if (this.time.mono > LONGEST_MS || !(await this.time.step())) {
        this.#fault(`not all runs end: ${JSON.stringify([audit.standings(), audit.waits()])}`);
      }
    }
  }

  async #create(store: RunStore, { id, pattern }: Cast): Promise<void> {
    const dice = this.#dice;
    const [low, high] = this.#options.usd ?? [0.0005, 0.02];
    const caps: RunCaps = {
      explicit: true,
      usd: Math.round(dice.between(low, high) * 1e9),
      ...(dice.falls(0.2) && { tokens: dice.whole(500, 8000) }),
      ...(dice.falls(0.2) && { calls: dice.whole(3, 25) }),
      ...(dice.falls(0.15) && { seconds: dice.between(0.2, 3) }),
    };
    const run = {
      id,
      pattern: pattern.name,
      pattern_version: 1,
      input: { run: id, told: `seed ${this.#seed}` },
      caller: dice.pick(["eve", "finn"]),
      caps,
      on_budget: dice.pick(["fail", "partial", "ask"] as const),
      priority: dice.whole(0, 2),
      labels: [],
      catalogue: CATALOGUE,
      seed: `seed ${this.#seed} ${id}`,
      needs: [],
    };
    await store.create(run, { queued: 100 });
  }

  async #judge(store: RunStore): Promise<void> {
    this.#audit?.look();
    for (const { id, pattern, caps } of this.#cast) {
      this.#faults.push(...(await faultsOf(store, id, pattern, caps, this.time)));
      this.#faults.push(...this.#probe.faults(id, (await store.get(id))?.generation ?? 1));
    }
    const { fate, drains } = this.#options;
    const isCalm = !fate?.dies && !fate?.stops && !drains;
    for (const { id } of this.#audit?.rows("select id from runs where crashes > 0") ?? [])
      if (isCalm) this.#fault(`${id} was taken from a server that lived`);
    for (const { id, held_usd } of this.#audit?.rows("select id, held_usd from nodes where held_usd <> 0") ?? [])
      this.#fault(`${id} still holds ${held_usd}`);
  }

  #fault(what: string): void {
    if (this.#faults.length < 20) this.#faults.push(what);
  }

  #tell(ms: number): WorldTold {
    const lines = Number(this.#audit?.rows("select count(*) as n from lines")[0]?.["n"]);
    return {
      seed: this.#seed,
      faults: this.#faults,
      statuses: this.#audit?.standings().map(({ status, code }) => (code ? `${status} ${code}` : status)) ?? [],
      crashes: this.#host.deaths,
      requests: this.#vendor.requests,
      lines,
      ms,
    };
  }
}
