/** Time, injected. `now` may jump (wall clock); `mono` never does and stands still while the machine sleeps. */
export interface Clock {
  now(): number;
  mono(): number;
  /** Calls back once after so many milliseconds; the returned function takes that back. */
  after(ms: number, callback: () => void): () => void;
}

export const utcDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const DAY_MS = 86_400_000;

/** When the UTC day after this moment's begins. */
export const nextUtcDay = (ms: number): number => (Math.floor(ms / DAY_MS) + 1) * DAY_MS;

/** A moment as messages and logs write it: ISO 8601, in UTC. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();
