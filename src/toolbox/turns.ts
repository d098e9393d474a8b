/** So many at a time; the rest wait in a line. */
export class Turns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(most: number) {
    this.#free = most;
  }

  /** Does it when there is room; whose signal aborts while it waits never begins. */
  async take<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#turn(signal);
    try {
      return await work();
    } finally {
      this.#free++;
      const [next] = this.#waiting;
      next?.();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (this.#free <= 0) {
      await new Promise<void>((resolve, reject) => {
        const go = (): void => {
          this.#waiting.delete(go);
          signal.removeEventListener("abort", stop);
          resolve();
        };
        const stop = (): void => {
          this.#waiting.delete(go);
          reject(signal.reason);
        };
        this.#waiting.add(go);
        signal.addEventListener("abort", stop, { once: true });
      });
    }
    signal.throwIfAborted();
    this.#free--;
  }
}
