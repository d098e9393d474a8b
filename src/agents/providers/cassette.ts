import { readFileSync } from "node:fs";
import { type Cassette, readCassette, type Taped, tapedRequest, tapeKey } from "../../core/cassette.ts";
import { drift } from "../../core/drift.ts";
import { Failure } from "../../core/errors.ts";
import type { CallHooks, ModelReply, ModelRequest, Provider } from "../../core/provider.ts";
import { plainBound } from "./bound.ts";

export interface CassetteOptions {
  readonly id: string;
  /** Absolute, or from where the process was started. */
  readonly file: string;
  /** Counted as free; else as they were, since nobody is paid again and a budget is to end the same run in the same place. */
  readonly free: boolean;
  readonly concurrency: number;
}

/**
 * Plays the requests of a recorded run back, without a network: what was answered is answered, what failed fails, and
 * what was cut off is silent until it is cut off. A request that is not on it fails, and says where it departs.
 */
export class CassetteProvider implements Provider {
  readonly id: string;
  readonly free: boolean;
  readonly local = true;
  readonly concurrency: number;
  readonly can = { media: true, web_search: true };
  readonly #file: string;
  /** How often each request was played; one that was asked several times in its run is played in that order, over and over. */
  readonly #played = new Map<string, number>();
  #cassette: Cassette | undefined;

  constructor({ id, file, free, concurrency }: CassetteOptions) {
    this.id = id;
    this.free = free;
    this.concurrency = concurrency;
    this.#file = file;
  }

  bound(request: ModelRequest): number {
    return plainBound(request);
  }

  async complete(request: ModelRequest, { signal, beat }: CallHooks): Promise<ModelReply> {
    signal.throwIfAborted();
    const { reply, failure } = this.#next(request);
    beat();
    if (failure) throw Failure.fromInfo(failure).with({ billed: "nothing" });
    if (!reply) return silence(signal);
    const { usd, ...told } = reply;
    return { ...told, ...(this.free ? { usd: 0 } : usd === undefined ? {} : { usd }) };
  }

  #next(request: ModelRequest): Taped {
    const { model, agent, nth } = request;
    this.#cassette ??= readCassette(this.#read(), this.#file);
    const asked = tapedRequest(`${this.id}/${model}`, request);
    const key = tapeKey(asked);
    const here = this.#cassette.taped.filter((taped) => taped.key === key);
    const count = this.#played.get(key) ?? 0;
    this.#played.set(key, count + 1);
    const next = here[count % Math.max(1, here.length)];
    if (next) return next;
    throw new Failure(
      "BAD_REQUEST",
      `the cassette ${this.#file} has no such request; ${drift(asked, agent, nth, this.#cassette.taped)}`,
      {
        billed: "nothing",
        hint: "If the change is meant, play the run on its real model and write the cassette anew: baton export --cassette <run>.",
      },
    );
  }

  #read(): string {
    try {
      return readFileSync(this.#file, "utf8");
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Failure("BAD_REQUEST", `the cassette cannot be read: ${why}`, { billed: "nothing" });
    }
  }
}

const silence = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const { reason } = signal;
    const stop = () => reject(signal.reason instanceof Failure ? signal.reason : new Failure("CANCELLED", "cut off"));
    if (reason !== undefined) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
