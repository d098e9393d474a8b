import type { Ask } from "../../src/core/budget.ts";
import type { Catalogue } from "../../src/core/catalogue.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { BatonEvent, EventFilter } from "../../src/core/event.ts";
import { DEFAULT_LIMITS, DEFAULT_RETRY } from "../../src/core/settings.ts";
import type { Claimed, Fence, Hold, Line, NewRun, RunStore, Settle, Write, Written } from "../../src/core/store.ts";
import { NO_USAGE, type Usage } from "../../src/core/usage.ts";

/** Time that goes on only when it is told to. */
export class FakeClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  #mono = 0;
  #timers: { at: number; callback: () => void }[] = [];

  now = (): number => this.#now;
  mono = (): number => this.#mono;

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#mono + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  pass(ms: number): void {
    this.#now += ms;
    this.#mono += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#mono);
    this.#timers = this.#timers.filter(({ at }) => at > this.#mono);
    for (const { callback } of due) callback();
  }

  /** Somebody sets the wall clock. */
  jump(ms: number): void {
    this.#now += ms;
  }
}

export const REAL_CLOCK: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

export const CATALOGUE: Catalogue = {
  agents: {},
  model: "stub/small",
  models: {},
  prices: {},
  limits: DEFAULT_LIMITS,
  retry: DEFAULT_RETRY,
};

let made = 0;

export const newRun = (more: Partial<NewRun> = {}): NewRun => ({
  id: `r_${process.pid}_${++made}`,
  pattern: "run_pipeline",
  pattern_version: 1,
  input: { task: "Write about rivers." },
  caller: "local",
  caps: { explicit: false },
  on_budget: "fail",
  priority: 0,
  labels: [],
  catalogue: CATALOGUE,
  seed: "seed",
  needs: ["provider:stub"],
  ...more,
});

export const ROOM = { queued: 100_000 };
export const HAS = ["provider:stub", "provider:other"];
export const PLAY = [
  { name: "run_pipeline", version: 1 },
  { name: "fan_out", version: 1 },
];

export const claim = (store: RunStore, worker = "w_1"): Promise<Claimed | undefined> => store.claim(worker, HAS, PLAY);

/** A run that a worker plays. */
export async function played(store: RunStore, more: Partial<NewRun> = {}, worker = "w_1"): Promise<Fence> {
  const { run } = await store.create(newRun(more), ROOM);
  for (;;) {
    const claimed = await claim(store, worker);
    if (!claimed) throw new Error("nothing to claim");
    if (claimed.run.id === run.id) return { run: run.id, epoch: claimed.run.epoch };
  }
}

/** A request that costs so many nano-dollars at the most, in no more than ten tokens. */
const asks = (usd: number): Ask => ({ input: 5, output: 5, least: 5, card: null, flat: usd });

export function hold(
  id: number,
  usd: number,
  more: Partial<Hold> & { place?: string; generation?: number } = {},
): Write {
  const { place = `step${id}`, generation = 1, ...rest } = more;
  const attempt = {
    id,
    generation,
    place,
    rung: 0,
    turn: 0,
    agent: "writer@1a2b",
    model: "stub/small",
    input: { system: "You write.", messages: [{ role: "user" as const, content: `Question ${id}` }] },
    cached_answer: false,
    at: Date.UTC(2026, 0, 1),
  };
  const nothing = { usd: 0, tokens: 0, calls: 0 };
  return { do: "hold", hold: { attempt, ask: asks(usd), nodes: [], aside: nothing, steps: [], ...rest } };
}

export const used = (usd: number): Usage => ({ ...NO_USAGE, usd, input: 3, output: 2, calls: 1 });

export const settle = (id: number, usd: number, more: Partial<Settle> = {}): Write => ({
  do: "settle",
  settle: { id, result: "ok", usage: used(usd), estimated: false, reply: `Answer ${id}`, ms: 12, ...more },
});

export const lineOf = (seq: number, more: Partial<Line> = {}): Line => ({
  generation: 1,
  place: `step${seq}`,
  seq,
  kind: "call",
  print: `print${seq}`,
  state: "done",
  value: `Answer ${seq}`,
  usage: used(10),
  agent: "writer@1a2b",
  model: "stub/small",
  ms: 12,
  at: Date.UTC(2026, 0, 1),
  ...more,
});

export const line = (seq: number, more: Partial<Line> = {}): Write => ({ do: "line", line: lineOf(seq, more) });

export const open = (place: string, more: Partial<Extract<Write, { do: "open" }>["wait"]> = {}): Write => ({
  do: "open",
  wait: { generation: 1, place, kind: "approval", opened_at: Date.UTC(2026, 0, 1), ...more },
});

export const end = (status: "succeeded" | "failed" | "dead", more: object = {}): Write => ({
  do: "end",
  ending: { status, degraded: [], ...more },
});

/** An event as somebody publishes it. */
export const event = (id: string, more: Partial<BatonEvent> = {}): BatonEvent => ({
  specversion: "1.0",
  id,
  source: "/shop",
  type: "order.paid",
  time: "2026-01-01T00:00:00Z",
  data: { id },
  ...more,
});

/** Asks for an event. */
export const openFor = (place: string, filter: EventFilter, more: Parameters<typeof open>[1] = {}): Write =>
  open(place, { kind: "event", event: filter, ...more });

/** What one write did. */
export async function doing(store: RunStore, fence: Fence, write: Write): Promise<Written | undefined> {
  return (await store.write(fence, [write]))?.[0];
}
