import type { DeedFunction } from "../../src/core/deed.ts";
import { Failure } from "../../src/core/errors.ts";
import type { OfferedTool, ToolInput } from "../../src/core/toolbox.ts";
import { type Dice, digest } from "./dice.ts";
import type { Time } from "./time.ts";
import type { Asker } from "./vendor.ts";

/** Something in the world that is no model: it takes its time, now and then fails, and counts what changes it. */
export class Probe {
  /** How often what may not be repeated blindly was done, by its key. */
  readonly done = new Map<string, { readonly run: string; times: number }>();
  readonly #time: Time;
  readonly #dice: Dice;

  constructor(time: Time, dice: Dice) {
    this.#time = time;
    this.#dice = dice;
  }

  deedFor(asker: Asker): DeedFunction {
    return {
      name: "probe",
      perform: (input, { run, key, signal }) => {
        const { told, effect } = input as { readonly told: string; readonly effect: boolean };
        const known = this.done.get(key) ?? { run, times: 0 };
        if (effect) this.done.set(key, { run, times: known.times + 1 });
        return this.#answer(asker, digest(told), signal);
      },
    };
  }

  /** The same as tools of a server: one that looks, one that may be repeated, one that may not. */
  toolsFor(asker: Asker): readonly DeedFunction[] {
    const offered = (tool: string, effect: OfferedTool["effect"]): OfferedTool => ({
      ...{ name: `desk_${tool}`, server: "desk", tool, description: tool, input: { type: "object" } },
      ...{ effect, approve: false },
    });
    const tools = [offered("look", false), offered("file", { idempotent: true }), offered("pay", true)];
    return [
      { name: "tools", perform: (_, { signal }) => this.#answer(asker, { tools, lacking: [] }, signal) },
      {
        name: "tool",
        perform: async (input, { run, key, signal }) => {
          const { tool, arguments: given } = input as ToolInput;
          const known = this.done.get(key) ?? { run, times: 0 };
          if (tool === "pay") this.done.set(key, { run, times: known.times + 1 });
          const text = await this.#answer(asker, digest(JSON.stringify(given)), signal);
          return { text, is_error: this.#dice.falls(0.1) };
        },
      },
    ];
  }

  #answer<T>(asker: Asker, value: T, signal: AbortSignal): Promise<T> {
    const chance = this.#dice.next();
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(Failure.from(signal.reason)), { once: true });
      this.#time.after(this.#dice.between(0, 30), asker.id, () => {
        if (chance < 0.1) reject(new Failure("NETWORK", "the line was cut"));
        else if (chance < 0.2) reject(new Failure("FORBIDDEN", "not for you"));
        else resolve(value);
      });
    });
  }

  /** What was done more often than lives of its run account for. */
  faults(id: string, generation: number): string[] {
    return [...this.done].flatMap(([key, { run, times }]) =>
      run === id && times > generation ? [`${id}: the deed ${key} was done ${times} times in ${generation} lives`] : [],
    );
  }
}
