/** Time, injected. `now` may jump (wall clock); `mono` never does and stands still while the machine sleeps. */
export interface Clock {
  now(): number;
  mono(): number;
  /** Calls back once after so many milliseconds; the returned function takes that back. */
  after(ms: number, callback: () => void): () => void;
}

export const utcDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** A moment as messages and logs write it: ISO 8601, in UTC. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();
