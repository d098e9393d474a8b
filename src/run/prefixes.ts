import type { Clock } from "../core/clock.ts";

/** What vendors remember of a prompt they charge less for, if it is this long; shorter beginnings are not remembered. */
export const WORTH_CHARS = 4096;
/** A vendor forgets after five minutes; a call that was under way then would find nothing. */
const WARM_MS = 240_000;

interface Family {
  readonly first: string;
  /** What all of them begin with that were found to begin alike. */
  head?: string;
}

interface Beginning {
  /** Until when a vendor remembers it. */
  until: number;
  /** Whoever goes ahead; the others wait until its vendor has begun to answer. */
  ahead: Promise<void> | undefined;
}

/** Tells how going ahead went: did the vendor begin to answer? */
export type Arrived = (begun: boolean) => void;

/**
 * The prompts of one run that begin alike. The first of them goes ahead; the others follow when its vendor has begun
 * to answer, and find their beginning remembered: it is paid for once, and not by each of them.
 */
export class Prefixes {
  readonly #clock: Pick<Clock, "mono">;
  readonly #families = new Map<string, Family>();
  readonly #beginnings = new Map<string, Beginning>();

  constructor(clock: Pick<Clock, "mono">) {
    this.#clock = clock;
  }

  /** Makes a prompt known among those of its family, before which the same stands. */
  join(family: string, prompt: string, before: number): void {
    const known = this.#families.get(family);
    if (!known) return void this.#families.set(family, { first: prompt });
    const head = known.head ?? known.first;
    const both = head.slice(0, commonLength(head, prompt));
    if (before + both.length >= WORTH_CHARS) known.head = both;
  }

  /** How many characters a prompt begins with that others of its family begin with as well, where it is worth it. */
  shared(family: string, prompt: string): number | undefined {
    const head = this.#families.get(family)?.head;
    return head !== undefined && prompt.startsWith(head) ? head.length : undefined;
  }

  /** Waits while another goes ahead with the same beginning; whoever gets an `Arrived` goes ahead itself. */
  async turn(beginning: string): Promise<Arrived | undefined> {
    for (;;) {
      const known = this.#beginnings.get(beginning);
      if (known && known.until > this.#clock.mono()) return undefined;
      if (!known?.ahead) return this.#lead(beginning);
      await known.ahead;
    }
  }

  #lead(beginning: string): Arrived {
    const { promise, resolve } = Promise.withResolvers<void>();
    const mine: Beginning = { until: 0, ahead: promise };
    this.#beginnings.set(beginning, mine);
    return (begun) => {
      if (!mine.ahead) return;
      mine.ahead = undefined;
      if (begun) mine.until = this.#clock.mono() + WARM_MS;
      resolve();
    };
  }
}

function commonLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  // Never between the halves of a character.
  return at > 0 && /[\uD800-\uDBFF]/.test(a[at - 1] ?? "") ? at - 1 : at;
}
