import type { AnswerCache } from "../../src/core/desk.ts";
import type { ModelReply } from "../../src/core/provider.ts";
import type { Fence } from "../../src/core/store.ts";
import { LEASE_MS } from "./cast.ts";
import type { Dice } from "./dice.ts";
import { type Fate, Server, type ServerOptions } from "./server.ts";
import type { Time } from "./time.ts";

/** What may happen to the servers of a world. */
export interface Weather {
  readonly fate?: Partial<Fate>;
  /** How often, at each look, a server is drained. */
  readonly drains?: number;
  /** How often, at each look, the machine has slept for hours. */
  readonly sleeps?: number;
}

type Given = Pick<ServerOptions, "home" | "providers" | "patterns" | "deeds" | "purse" | "onCommit" | "onTrouble">;

const MOST_DEATHS = 40;
const HOUR_MS = 3_600_000;

/** The machine that keeps two servers running, whatever becomes of them. */
export class Host {
  readonly #time: Time;
  readonly #dice: Dice;
  readonly #weather: Weather;
  readonly #given: Given;
  readonly #servers = new Set<Server>();
  readonly #dead = new Set<string>();
  /** Who plays a run in each of its epochs. */
  readonly #players = new Map<string, string>();
  readonly #answers = new Map<string, string>();
  #made = 0;

  constructor(time: Time, dice: Dice, weather: Weather, given: Given) {
    this.#time = time;
    this.#dice = dice;
    this.#weather = weather;
    this.#given = given;
  }

  get deaths(): number {
    return this.#dead.size;
  }

  begin(): void {
    this.#spawn(0);
    this.#spawn(1);
    this.#look();
  }

  end(): void {
    for (const server of this.#servers) server.die();
  }

  #spawn(ms: number): void {
    const options = this.#optionsOfNext();
    this.#time.after(ms, "host", () => {
      const server = new Server(`w${this.#made++}`, options);
      this.#servers.add(server);
      void server.boot().catch((error: unknown) => !server.dead && this.#given.onTrouble(`no start: ${String(error)}`));
    });
  }

  #optionsOfNext(): ServerOptions {
    const { dies = 0, stops = 0, lags = 0 } = this.#weather.fate ?? {};
    const isCalm = this.#dead.size >= MOST_DEATHS;
    const knows = this.#dice.falls(0.5);
    return {
      ...this.#given,
      time: this.#time,
      dice: this.#dice,
      cache: this.#cache(),
      fate: isCalm ? { dies: 0, stops: 0, lags } : { dies, stops, lags },
      knowsTheDead: ({ id }) => (knows ? this.#dead.has(id) : undefined),
      onPlay: (fence, server) => this.#played(fence, server),
      onDeath: (server) => this.#died(server),
    };
  }

  #look(): void {
    const { drains = 0, sleeps = 0 } = this.#weather;
    this.#time.after(this.#dice.between(20, 80), "host", () => {
      const [server] = this.#servers;
      if (server?.engine && this.#dead.size < MOST_DEATHS && this.#dice.falls(drains)) {
        void server.drain(this.#dice.between(0, 60));
      }
      if (this.#dice.falls(sleeps)) this.#time.jump(this.#dice.between(1, 5) * HOUR_MS);
      this.#look();
    });
  }

  #died(server: Server): void {
    this.#servers.delete(server);
    this.#dead.add(server.id);
    this.#spawn(this.#dice.between(0, LEASE_MS));
  }

  #played({ run, epoch }: Fence, server: string): void {
    const key = `${run} ${epoch}`;
    const player = this.#players.get(key) ?? server;
    this.#players.set(key, player);
    if (player !== server) this.#given.onTrouble(`${player} and ${server} both play ${key}`);
  }

  /** One for all servers, as a file would be. */
  #cache(): AnswerCache {
    const keyOf = (caller: string, question: string) => `${caller} ${question}`;
    return {
      get: async (caller, question) => {
        const kept = this.#answers.get(keyOf(caller, question));
        return kept === undefined ? undefined : (JSON.parse(kept) as ModelReply);
      },
      set: async (caller, question, reply) => {
        this.#answers.set(keyOf(caller, question), JSON.stringify(reply));
      },
    };
  }
}
