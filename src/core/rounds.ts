/** Work that is done over and over, never twice at once: asked for while it goes on, it is done once more. */
export class Rounds {
  readonly #work: () => Promise<void>;
  readonly #complain: (error: unknown) => void;
  #current: Promise<void> | undefined;
  #again = false;
  #over = false;

  constructor(work: () => Promise<void>, complain: (error: unknown) => void) {
    this.#work = work;
    this.#complain = complain;
  }

  kick(): void {
    if (this.#over) return;
    if (this.#current) {
      this.#again = true;
      return;
    }
    this.#current = this.#work()
      .catch((error: unknown) => this.#complain(error))
      .finally(() => {
        this.#current = undefined;
        if (!this.#again) return;
        this.#again = false;
        this.kick();
      });
  }

  /** No further round begins; it settles when the one that goes on has ended. */
  async end(): Promise<void> {
    this.#over = true;
    await this.#current;
  }
}
