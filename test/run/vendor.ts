import { Failure } from "../../src/core/errors.ts";
import { costOf, type PriceCard } from "../../src/core/money.ts";
import type { CallHooks, ModelReply, ModelRequest, Provider, ToolUse } from "../../src/core/provider.ts";
import { NO_USAGE, type Tokens } from "../../src/core/usage.ts";
import { type Dice, digest } from "./dice.ts";
import type { Time } from "./time.ts";

/** In nano-USD a million tokens: an input token costs 1,000 nano-USD, an output token 4,000. */
export const PRICE: PriceCard = { input: 1e9, cached: 1e8, cache_write: 1.25e9, output: 4e9, source: "test" };

type Mood = "ok" | "useless" | "cut" | "down" | "later" | "hangs" | "broken" | "refused" | "locked";

export type Moods = Readonly<Partial<Record<Mood, number>>>;

const USUAL: Moods = {
  ok: 70,
  useless: 7,
  cut: 2,
  down: 9,
  later: 3,
  hangs: 3,
  broken: 3,
  refused: 2,
  locked: 0.3,
};

/** Who asks: a process that may be dead by the time of the answer. */
export interface Asker {
  readonly id: string;
  readonly dead: boolean;
}

/** The other side of the socket, with a bill of its own: it charges for whatever it was sent, whatever becomes of us. */
export class Vendor {
  /** Nano-USD by run. */
  readonly bill = new Map<string, number>();
  requests = 0;
  readonly #time: Time;
  readonly #dice: Dice;
  readonly #moods: Moods;
  /** Told of every request as it arrives, once it is on the bill. */
  readonly #onRequest: (run: string) => void;

  constructor(time: Time, dice: Dice, onRequest: (run: string) => void, moods: Moods = {}) {
    this.#time = time;
    this.#dice = dice;
    this.#onRequest = onRequest;
    this.#moods = { ...USUAL, ...moods };
  }

  providersFor(asker: Asker): readonly Provider[] {
    return [this.#provider(asker, "tin", 2), this.#provider(asker, "oak", 3)];
  }

  #provider(asker: Asker, id: string, concurrency: number): Provider {
    return {
      id,
      free: false,
      concurrency,
      bound: ({ system, messages }) => JSON.stringify([system, messages]).length,
      complete: (request, hooks) => (asker.dead ? new Promise(() => {}) : this.#complete(asker, request, hooks)),
    };
  }

  #complete(asker: Asker, request: ModelRequest, { signal, beat }: CallHooks): Promise<ModelReply> {
    const dice = this.#dice;
    const run = String(request.messages[0]?.content.split(" ")[0]);
    const mood = this.#mood();
    const bound = JSON.stringify([request.system, request.messages]).length;
    const wants = dice.whole(1, 120);
    const output = Math.min(wants, request.max_output_tokens);
    const tokens: Tokens = { input: dice.whole(1, bound), cached: 0, cache_write: 0, output, reasoning: 0 };
    const isFree = ["down", "later", "refused", "locked"].includes(mood);
    const cost = isFree ? 0 : costOf(PRICE, tokens);
    this.requests++;
    this.#charge(run, cost);
    this.#onRequest(run);
    if (dice.falls(0.5)) beat();
    return new Promise((resolve, reject) => {
      const answer = () => {
        this.#time.moves++;
        const failure = this.#failure(mood);
        if (failure) return reject(failure);
        const isCut = wants > request.max_output_tokens || mood === "cut";
        resolve(this.#reply(request, tokens, cost, mood, isCut));
      };
      const late = mood === "hangs" ? dice.between(150, 1500) : dice.between(1, dice.falls(0.2) ? 90 : 30);
      const forget = this.#time.after(late, asker.id, answer);
      const isStubborn = dice.falls(0.15);
      const tells = dice.falls(0.2);
      const hangUp = () => {
        if (isStubborn) return;
        forget();
        this.#time.moves++;
        if (!tells) return reject(Failure.from(signal.reason));
        this.#charge(run, -cost);
        const part: Tokens = { ...tokens, output: 1 };
        const usd = isFree ? 0 : costOf(PRICE, part);
        this.#charge(run, usd);
        reject(Failure.from(signal.reason).with({ usage: { ...NO_USAGE, ...part, usd, calls: 1 } }));
      };
      if (signal.aborted) hangUp();
      else signal.addEventListener("abort", hangUp, { once: true });
    });
  }

  #charge(run: string, nano: number): void {
    this.bill.set(run, (this.bill.get(run) ?? 0) + nano);
  }

  #mood(): Mood {
    const moods = Object.entries(this.#moods) as [Mood, number][];
    let point = this.#dice.next() * moods.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [mood, weight] of moods) {
      point -= weight;
      if (point < 0) return mood;
    }
    return "ok";
  }

  #failure(mood: Mood): Failure | undefined {
    switch (mood) {
      case "down":
        return new Failure("OVERLOADED", "too many people", { billed: "nothing" });
      case "later": {
        const retry_after_ms = this.#dice.whole(10, this.#dice.falls(0.5) ? 60 : 500);
        return new Failure("RATE_LIMITED", "come back later", { billed: "nothing", retry_after_ms });
      }
      case "broken":
        return new Failure("NETWORK", "the stream was cut", { billed: "unknown" });
      case "refused":
        return new Failure("BAD_REQUEST", "not like this", { billed: "nothing" });
      case "locked":
        return new Failure("UNAUTHORIZED", "who are you?", { billed: "nothing" });
      default:
        return undefined;
    }
  }

  #reply(request: ModelRequest, tokens: Tokens, cost: number, mood: Mood, isCut: boolean): ModelReply {
    const dice = this.#dice;
    const said = digest(JSON.stringify(request.messages) + dice.next());
    const good = request.shape ? JSON.stringify({ said }) : said;
    const uses = mood === "ok" && !isCut && !request.must_answer && dice.falls(0.5) ? this.#uses(request) : [];
    if (uses.length > 0) return { text: "", uses, tokens, stop: "tools" };
    const text = mood === "useless" ? dice.pick(["", "{", "<html>"]) : good;
    const stop = isCut ? "length" : mood === "useless" && dice.falls(0.3) ? "refusal" : "end";
    const unknown = dice.falls(0.06);
    if (unknown) {
      const bound = JSON.stringify([request.system, request.messages]).length;
      return { text, tokens: { ...tokens, input: bound, output: request.max_output_tokens }, estimated: true, stop };
    }
    return { text, tokens, stop, ...(dice.falls(0.1) && { usd: cost }) };
  }

  /** One or two of the tools that are offered, and now and then one that is not. */
  #uses({ tools = [] }: ModelRequest): ToolUse[] {
    const dice = this.#dice;
    if (tools.length === 0) return [];
    return Array.from({ length: dice.whole(1, 2) }, () => {
      const name = dice.falls(0.05) ? "desk_nothing" : dice.pick(tools).name;
      const said = { key: dice.pick(["a", "b"]), value: dice.whole(1, 9) };
      const given = name === "notes_read" ? {} : name === "notes_write" ? said : { told: digest(String(dice.next())) };
      return { id: `u${dice.whole(1, 1e9)}`, name, arguments: given };
    });
  }
}
