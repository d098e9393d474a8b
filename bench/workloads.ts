/** The workloads, as steps that anybody can play: how many calls one after another, and how many such rows at once. */
export const WORKLOADS = {
  W1: "a pipeline of 10 steps",
  W2: "a fan-out of 100 at 16 lanes, and an aggregator",
  W3: "three voters and a judge",
  W4: "200 pipelines of 5 steps at once",
} as const;

export type Workload = keyof typeof WORKLOADS;

/** How often each is played by one process: a server lives long, so the last time is measured, when its code is warm. */
export const TIMES: Readonly<Record<Workload | "fan", number>> = { W1: 25, W2: 4, W3: 25, W4: 4, fan: 4 };

/** What one process took for its first run and for its last. */
export interface Took {
  readonly first: number;
  readonly warm: number;
}

export async function timed(workload: Workload | "fan", once: () => Promise<unknown>): Promise<Took> {
  const all: number[] = [];
  for (let i = 0; i < TIMES[workload]; i++) {
    const began = performance.now();
    await once();
    all.push(performance.now() - began);
  }
  return { first: all[0] ?? Number.NaN, warm: all.at(-1) ?? Number.NaN };
}

export const TASK = "Say in one sentence what a ledger is for.";
export const MODEL = "bench-model";
