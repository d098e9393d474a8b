import type { RunOptions, Task } from "../core/pattern.ts";

/** What bounds a call that takes several steps. */
export const boundsOf = ({ budget, seconds }: Task<unknown>): RunOptions => ({
  ...(budget && { budget }),
  ...(seconds !== undefined && { seconds }),
});
