import PQueue from "p-queue";
import type { DeedFunction, DeedScene } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Playing } from "./playing.ts";

/** A deed that reads the run in play itself. */
export type OwnDeed = (input: unknown, play: Playing, scene: DeedScene) => Promise<unknown>;

/** All that runs can do in the world without a model, so many at a time. */
export class Deeds {
  readonly #functions: ReadonlyMap<string, DeedFunction>;
  readonly #own: Readonly<Record<string, OwnDeed>>;
  readonly #queue: PQueue;

  constructor(functions: readonly DeedFunction[], own: Readonly<Record<string, OwnDeed>>, concurrency: number) {
    this.#functions = new Map(functions.map((each) => [each.name, each]));
    this.#own = own;
    this.#queue = new PQueue({ concurrency });
  }

  async perform(does: string, input: unknown, scene: DeedScene, play: Playing): Promise<unknown> {
    const own = this.#own[does];
    if (own) return own(input, play, scene);
    const known = this.#functions.get(does);
    if (!known) throw unknown(does, [...this.#functions.keys()]);
    known.check?.(input);
    return this.#queue.add(() => {
      scene.signal.throwIfAborted();
      return known.perform(input, scene);
    });
  }
}

function unknown(does: string, names: readonly string[]): Failure {
  const [near] = nearest(does, names);
  return new Failure("INVALID_INPUT", `nothing here can do "${does}"`, {
    hint: near ? `Did you mean "${near}"?` : `There are ${names.join(", ") || "none"}.`,
  });
}
