/** The workloads, as steps that anybody can play: how many calls one after another, and how many such rows at once. */
export const WORKLOADS = {
  W1: "a pipeline of 10 steps",
  W2: "a fan-out of 100 at 16 lanes, and an aggregator",
  W3: "three voters and a judge",
  W4: "200 pipelines of 5 steps at once",
} as const;

export type Workload = keyof typeof WORKLOADS;

export const TASK = "Say in one sentence what a ledger is for.";
export const MODEL = "bench-model";
