import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { DeedFunction } from "../../src/core/deed.ts";
import { Failure } from "../../src/core/errors.ts";
import type { Pattern, RunContext } from "../../src/core/pattern.ts";
import type { ModelReply, ModelRequest, Provider } from "../../src/core/provider.ts";
import { hasEnded } from "../../src/core/status.ts";
import type { Fence, NewRun, Run, RunStore } from "../../src/core/store.ts";
import type { Secrets } from "../../src/run/leaving.ts";
import type { OnOutage } from "../../src/run/outage.ts";
import { compensate } from "../../src/run/undo.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { CATALOGUE } from "./cast.ts";
import { Dice } from "./dice.ts";
import { faultsOf } from "./judge.ts";
import { Server } from "./server.ts";
import { Time } from "./time.ts";
import type { Asker } from "./vendor.ts";

/** What a model is asked, as a test tells it apart. */
export interface Asked {
  readonly agent: string;
  readonly model: string;
  readonly prompt: string;
  /** The how-manieth request with this prompt, from 1. */
  readonly nth: number;
  readonly messages: ModelRequest["messages"];
  readonly request: ModelRequest;
}

/** What a model wants done before it answers. */
interface Wants {
  readonly uses: readonly { readonly name: string; readonly arguments: unknown }[];
  readonly text?: string;
}

/** An answer, at once or after so many milliseconds; a failure; or silence until it is aborted. */
export type Said = string | Failure | "silence" | Wants | { readonly say: string | Failure; readonly ms: number };

const LIMIT_MS = 60_000;
const COST = { input: 10, cached: 0, cache_write: 0, output: 10, reasoning: 0 };

/** What one request of a scripted model costs, in nano-USD. */
export const ONE_CALL = 50_000;

/** A pattern made of nothing but its function. */
export const patternOf = (name: string, run: (ctx: RunContext, input: unknown) => Promise<unknown>): Pattern => ({
  name,
  version: 1,
  title: name,
  description: name,
  input: z.unknown(),
  output: z.unknown(),
  subject: "task",
  agents: () => [],
  run,
});

/** A store, models that say what they are told to, and servers that may die, all in one time. */
export class Scene {
  readonly time = new Time();
  readonly asked: Asked[] = [];
  /** How many writes of players the store has taken. */
  writes = 0;
  /** How many requests have been aborted. */
  aborted = 0;
  say: (asked: Asked) => Said = () => "fine";
  /** What servers can do in the world without a model. */
  deeds: readonly DeedFunction[] = [];
  onOutage: OnOutage = "fail";
  secrets: Secrets = "redact";
  /** The providers that take pictures and documents. */
  readonly sees = new Set<string>();
  readonly store: RunStore;
  readonly home: string;
  readonly #dead = new Set<string>();
  readonly #trouble: string[] = [];
  readonly #patterns = new Map<string, Pattern>();
  #made = 0;

  private constructor(home: string, store: RunStore, time: Time) {
    this.home = home;
    this.store = store;
    this.time = time;
  }

  static async open(): Promise<Scene> {
    const home = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "baton-scene-"));
    const time = new Time();
    return new Scene(home, await openStore({ home, clock: time.clockOf("test", () => false) }), time);
  }

  async close(): Promise<void> {
    await this.store.close();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** What servers have complained about. */
  get trouble(): readonly string[] {
    return this.#trouble;
  }

  /** From now on servers play this where they meet its name. */
  learn(pattern: Pattern): void {
    this.#patterns.set(pattern.name, pattern);
  }

  /** Servers that begin from now on no longer know it. */
  forget({ name }: Pattern): void {
    this.#patterns.delete(name);
  }

  async start(pattern: Pattern, more: Partial<NewRun> = {}): Promise<string> {
    this.learn(pattern);
    const id = `r${++this.#made}`;
    await this.store.create(
      {
        id,
        pattern: pattern.name,
        pattern_version: 1,
        input: {},
        caller: "eve",
        caps: { explicit: true },
        on_budget: "fail",
        priority: 0,
        labels: [],
        catalogue: CATALOGUE,
        seed: id,
        needs: [],
        ...more,
      },
      { queued: 10_000 },
    );
    return id;
  }

  /** Another server; `onCommit` hears of each of its commits, before the server does, and may kill it. */
  async serve(onCommit: (server: Server, count: number) => void = () => {}): Promise<Server> {
    let commits = 0;
    const server = new Server(`w${++this.#made}`, {
      home: this.home,
      time: this.time,
      dice: new Dice(this.#made),
      providers: (asker) => ["tin", "oak"].map((id) => this.#provider(id, asker)),
      patterns: [...this.#patterns.values()],
      deeds: () => this.deeds,
      onOutage: this.onOutage,
      secrets: this.secrets,
      purse: { caller: {}, day: {} },
      fate: { dies: 0, stops: 0, lags: 0 },
      knowsTheDead: ({ id }) => this.#dead.has(id),
      onCommit: (each) => onCommit(each, ++commits),
      onPlay: (_: Fence) => {
        this.writes++;
      },
      onTrouble: (what) => this.#trouble.push(what),
      onDeath: ({ id }) => this.#dead.add(id),
    });
    void server.boot();
    await this.time.settle();
    return server;
  }

  /** Lets time go on until something is so. */
  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    const end = this.time.mono + LIMIT_MS;
    await this.time.settle();
    while (!(await isSo())) {
      if (this.time.mono > end || !(await this.time.step())) throw new Error("it never comes to that");
    }
  }

  async pass(ms: number): Promise<void> {
    const end = this.time.mono + ms;
    this.time.after(ms, "test", () => {});
    await this.until(() => this.time.mono >= end);
  }

  async is(id: string, ...statuses: Run["status"][]): Promise<boolean> {
    return statuses.includes((await this.run(id)).status);
  }

  async run(id: string): Promise<Run> {
    const run = await this.store.get(id);
    if (!run) throw new Error(`${id} is gone`);
    return run;
  }

  async ended(id: string): Promise<Run> {
    await this.until(async () => hasEnded((await this.run(id)).status));
    return this.run(id);
  }

  /** What is wrong with a run that is over: its replay, its bill, its holds. */
  async faults(id: string): Promise<readonly string[]> {
    const { pattern } = await this.run(id);
    const known = pattern === compensate.name ? (compensate as unknown as Pattern) : this.#patterns.get(pattern);
    return known ? faultsOf(this.store, id, known, new Map(), this.time) : ["its pattern is unknown"];
  }

  prompts(): readonly string[] {
    return this.asked.map(({ prompt }) => prompt);
  }

  #provider(id: string, asker: Asker): Provider {
    return {
      id,
      free: false,
      concurrency: 100,
      can: { media: this.sees.has(id) },
      bound: ({ system, messages }) => JSON.stringify([system, messages]).length + 10,
      complete: (request, { signal }) => {
        if (asker.dead) return new Promise(() => {});
        const said = this.say(this.#ask(id, request));
        const { say, ms } = typeof said === "object" && "ms" in said ? said : { say: said, ms: 1 };
        return new Promise((resolve, reject) => {
          const answer = () => (say instanceof Failure ? reject(say) : resolve(replyOf(say, this.asked.length)));
          const forget = say === "silence" ? () => {} : this.time.after(ms, asker.id, answer);
          signal.addEventListener("abort", () => {
            if (!asker.dead) this.aborted++;
            forget();
            reject(Failure.from(signal.reason));
          });
        });
      },
    };
  }

  #ask(provider: string, request: ModelRequest): Asked {
    const { agent, model, messages } = request;
    const prompt = messages[0]?.content ?? "";
    const nth = this.asked.filter((each) => each.prompt === prompt).length + 1;
    const asked = { agent, model: `${provider}/${model}`, prompt, nth, messages, request };
    this.asked.push(asked);
    return asked;
  }
}

/** The vendor's own ids differ each time, as they do in life. */
function replyOf(said: string | Wants, nth: number): ModelReply {
  if (typeof said === "string") return { text: said, tokens: COST, stop: "end" };
  const uses = said.uses.map((use, index) => ({ id: `use-${nth}-${index}`, ...use }));
  return { text: said.text ?? "", uses, tokens: COST, stop: "tools" };
}
