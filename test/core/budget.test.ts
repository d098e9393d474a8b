import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Amount, type Ask, decide, type Ledger, NOTHING, reserveOf, showRefusal } from "../../src/core/budget.ts";

const UNITS = ["usd", "tokens", "calls"] as const;
const plus = (a: Amount, b: Amount): Amount => ({
  usd: a.usd + b.usd,
  tokens: a.tokens + b.tokens,
  calls: a.calls + b.calls,
});
const less = (a: Amount, b: Amount): Amount => plus(a, { usd: -b.usd, tokens: -b.tokens, calls: -b.calls });

/** The books as a store keeps them: every node is moved by a hold and a settle, and by nothing else. */
class Books {
  ledgers: Ledger[];
  readonly holds: Amount[] = [];

  constructor(ledgers: readonly Ledger[]) {
    this.ledgers = [...ledgers];
  }

  ask(ask: Ask) {
    const verdict = decide(this.ledgers, ask);
    if (verdict.verdict === "held") {
      this.holds.push(verdict.reserve);
      this.ledgers = this.ledgers.map((ledger) => ({ ...ledger, held: plus(ledger.held, verdict.reserve) }));
    }
    return verdict;
  }

  settle(index: number, part: number): void {
    const [reserve] = this.holds.splice(index % this.holds.length, 1);
    if (!reserve) return;
    const cost = {
      usd: Math.floor(reserve.usd * part),
      tokens: Math.floor(reserve.tokens * part),
      calls: reserve.calls,
    };
    this.ledgers = this.ledgers.map((ledger) => ({
      ...ledger,
      held: less(ledger.held, reserve),
      spent: plus(ledger.spent, cost),
    }));
  }

  overspent(): boolean {
    return this.ledgers.some(({ caps, spent, held }) =>
      UNITS.some((unit) => spent[unit] + held[unit] > (caps[unit] ?? Number.POSITIVE_INFINITY)),
    );
  }
}

const ledger = (caps: Partial<Amount>, scope: Ledger["scope"] = "run"): Ledger => ({
  id: scope,
  scope,
  caps,
  spent: NOTHING,
  held: NOTHING,
});

const price = { input: 1_000_000, cached: 0, cache_write: 0, output: 1_000_000, source: "test" };
const ask = (input: number, output: number, least = output): Ask => ({ input, output, least, card: price });

const anyCaps = fc.record({ usd: fc.nat(5000), tokens: fc.nat(5000), calls: fc.nat(20) }, { requiredKeys: [] });
const anyAsk = fc
  .record({
    input: fc.nat(500),
    output: fc.integer({ min: 1, max: 800 }),
    least: fc.integer({ min: 1, max: 200 }),
    rate: fc.nat(4_000_000),
    priced: fc.boolean(),
    flat: fc.nat(900),
  })
  .map(
    ({ input, output, least, rate, priced, flat }): Ask => ({
      input,
      output,
      least,
      card: priced ? { input: rate, cached: 0, cache_write: rate, output: rate * 2, source: "test" } : null,
      flat,
    }),
  );
const anyStep = fc.oneof(
  fc.record({ do: fc.constant("ask" as const), ask: anyAsk }),
  fc.record({
    do: fc.constant("settle" as const),
    index: fc.nat(50),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
);

describe("a budget", () => {
  test("is never overspent, in any node, at any interleaving of asks and settles", () => {
    fc.assert(
      fc.property(anyCaps, anyCaps, anyCaps, fc.array(anyStep, { maxLength: 60 }), (run, caller, day, steps) => {
        const books = new Books([ledger(run), ledger(caller, "caller"), ledger(day, "day")]);
        for (const step of steps) {
          if (step.do === "ask") books.ask(step.ask);
          else if (books.holds.length > 0) books.settle(step.index, step.part);
          expect(books.overspent()).toBe(false);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("lets floor((cap - reserve) / cost) + 1 equal calls through, in whatever order they settle", () => {
    const world = fc
      .record({
        cost: fc.integer({ min: 1, max: 50 }),
        over: fc.nat(150),
        reserves: fc.integer({ min: 1, max: 12 }),
        rest: fc.nat(100),
        calls: fc.integer({ min: 100, max: 150 }),
        order: fc.infiniteStream(fc.nat(1000)),
      })
      .map(({ cost, over, reserves, rest, calls, order }) => ({
        cost,
        reserve: cost + over,
        cap: (cost + over) * reserves + rest,
        calls,
        order,
      }));
    fc.assert(
      fc.property(world, ({ cost, reserve, cap, calls, order }) => {
        const books = new Books([ledger({ usd: cap })]);
        const question = { input: 0, output: reserve, least: reserve, card: price };
        let [waiting, held, refused] = [calls, 0, 0];
        const sweep = () => {
          for (let n = waiting; n > 0; n--) {
            const { verdict } = books.ask(question);
            if (verdict === "wait") return;
            waiting--;
            if (verdict === "held") held++;
            else refused++;
          }
        };
        for (sweep(); books.holds.length > 0; sweep()) books.settle(order.next().value, cost / reserve + 1e-12);
        const promised = Math.min(calls, Math.floor((cap - reserve) / cost) + 1);
        expect({ held, refused, waiting }).toEqual({ held: promised, refused: calls - promised, waiting: 0 });
      }),
      { numRuns: 300 },
    );
  });

  test("clamps an output to what is left, never below the least that is useful, and only where nobody else holds", () => {
    fc.assert(
      fc.property(anyCaps, anyAsk, fc.nat(300), (caps, question, spent) => {
        const books = [{ ...ledger(caps), spent: { usd: spent, tokens: spent, calls: 0 } }];
        const verdict = decide(books, question);
        expect(verdict.verdict).not.toBe("wait");
        if (verdict.verdict !== "held") return;
        expect(verdict.output).toBeGreaterThanOrEqual(Math.min(question.least, question.output));
        expect(verdict.output).toBeLessThanOrEqual(question.output);
        expect(verdict.clamped).toBe(verdict.output < question.output);
        expect(verdict.reserve).toEqual(reserveOf(question, verdict.output));
      }),
      { numRuns: 2000 },
    );
  });

  test("clamps to the last token that it can pay", () => {
    expect(decide([ledger({ usd: 500 })], ask(100, 1000, 50))).toMatchObject({
      verdict: "held",
      output: 400,
      clamped: true,
    });
    expect(decide([ledger({ tokens: 300 })], ask(100, 1000, 50))).toMatchObject({ output: 200, clamped: true });
    expect(decide([ledger({ usd: 500, tokens: 300 })], ask(100, 1000, 50))).toMatchObject({ output: 200 });
  });

  test("says wait where only what others hold stands in the way, and refuses where even that would not help", () => {
    const held = { usd: 400, tokens: 0, calls: 0 };
    const busy = [{ ...ledger({ usd: 500 }), held }];
    expect(decide(busy, ask(100, 300))).toEqual({ verdict: "wait" });
    expect(decide(busy, ask(100, 401))).toMatchObject({ verdict: "refused", unit: "usd", scope: "run", held: 400 });
  });

  test("keeps what is set aside for a closing call out of reach of the others", () => {
    const aside = { usd: 300, tokens: 0, calls: 0 };
    const books = [{ ...ledger({ usd: 500 }), aside }];
    expect(decide(books, ask(100, 100)).verdict).toBe("held");
    expect(decide(books, ask(100, 101)).verdict).toBe("refused");
    expect(decide([ledger({ usd: 500 })], ask(100, 101)).verdict).toBe("held");
  });

  test("of nought allows nothing, and an absent one allows everything", () => {
    expect(decide([ledger({ calls: 0 })], ask(1, 1)).verdict).toBe("refused");
    expect(decide([ledger({})], ask(1_000_000, 1_000_000)).verdict).toBe("held");
    expect(decide([], ask(1, 1)).verdict).toBe("held");
  });

  test("reserves the flat sum where a model has no price, and only tokens and calls where there is none either", () => {
    const unpriced = { input: 10, output: 20, least: 20, card: null };
    expect(reserveOf({ ...unpriced, flat: 700 }, 20)).toEqual({ usd: 700, tokens: 30, calls: 1 });
    expect(reserveOf(unpriced, 20)).toEqual({ usd: 0, tokens: 30, calls: 1 });
  });

  test("names the tightest words a person needs: whose cap, what is spent, held and asked", () => {
    const refused = decide(
      [{ ...ledger({ usd: 50_000_000 }, "day"), spent: { usd: 40_000_000, tokens: 0, calls: 0 } }],
      {
        ...ask(0, 20_000_000),
      },
    );
    expect(refused.verdict === "refused" && showRefusal(refused)).toBe(
      "the day's cap of money is $0.0500: $0.0400 spent, $0 held, $0.0200 asked at the least",
    );
  });
});

test("what costs nothing fits, also where a bill has broken the cap", () => {
  const spent = { usd: 600, tokens: 10, calls: 1 };
  const day: Ledger = { id: "day", scope: "day", caps: { usd: 500 }, spent, held: NOTHING };
  const free = { input: 0, cached: 0, cache_write: 0, output: 0, source: "free" };
  expect(decide([day], { input: 10, output: 100, least: 10, card: free })).toMatchObject({
    verdict: "held",
    output: 100,
  });
});
