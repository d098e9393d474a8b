import type { Clock } from "../core/clock.ts";

const LONGEST_MS = 2 ** 31 - 1;

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  after(ms, callback) {
    if (ms > LONGEST_MS) {
      let stop = () => {};
      const timer = setTimeout(() => {
        stop = systemClock.after(ms - LONGEST_MS, callback);
      }, LONGEST_MS);
      return () => {
        clearTimeout(timer);
        stop();
      };
    }
    const timer = setTimeout(callback, Math.max(0, ms));
    return () => clearTimeout(timer);
  },
};
