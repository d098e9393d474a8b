/** The branches of a map that wait for others to end. */
export class Following {
  /** What is wrong with who follows whom; undefined where nothing is. */
  readonly wrong: string | undefined;
  readonly #after: readonly (readonly number[])[];
  readonly #followers = new Map<number, number[]>();
  /** For how many others a branch waits. */
  readonly #lacking = new Map<number, number>();

  constructor(after: readonly (readonly number[])[]) {
    this.#after = after;
    const late = after.findIndex((others, index) => others.some((other) => !(other < index)));
    if (late >= 0) this.wrong = `branch ${late} follows one that does not come before it`;
    for (const [index, others] of after.entries()) {
      for (const other of new Set(others)) {
        const known = this.#followers.get(other);
        if (known) known.push(index);
        else this.#followers.set(other, [index]);
      }
    }
  }

  /** May it begin now? Else it is told of once the last of those that it follows has ended. */
  mayBegin(index: number, hasEnded: (other: number) => boolean): boolean {
    const lacking = new Set(this.#after[index]?.filter((other) => !hasEnded(other))).size;
    if (lacking > 0) this.#lacking.set(index, lacking);
    return lacking === 0;
  }

  /** A branch has ended: those that waited for nobody else. */
  ended(index: number): readonly number[] {
    return (this.#followers.get(index) ?? []).filter((follower) => {
      const lacking = this.#lacking.get(follower) ?? 0;
      if (lacking <= 1) return this.#lacking.delete(follower);
      this.#lacking.set(follower, lacking - 1);
      return false;
    });
  }
}
