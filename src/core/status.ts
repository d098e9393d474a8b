/** The status words of a run. They are final: nothing else is ever stored or told. */
export const STATUSES = ["queued", "running", "waiting", "succeeded", "failed", "cancelled", "dead"] as const;
export type Status = (typeof STATUSES)[number];

/** The only legal changes of status; the store enforces this very table. */
export const CHANGES: Record<Status, readonly Status[]> = {
  queued: ["running", "cancelled"],
  running: ["queued", "waiting", "succeeded", "failed", "cancelled", "dead"],
  waiting: ["queued", "cancelled"],
  failed: ["queued"],
  dead: ["queued"],
  succeeded: [],
  cancelled: [],
};

const ENDED: readonly Status[] = ["succeeded", "failed", "cancelled", "dead"];

export const hasEnded = (status: Status): boolean => ENDED.includes(status);
