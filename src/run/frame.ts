import type { Ledger } from "../core/budget.ts";
import type { Failure, FailureInfo } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import { escapeName, joinPlace, nthName } from "../core/place.ts";
import type { Line } from "../core/store.ts";
import { addUsage, NO_USAGE, type Usage } from "../core/usage.ts";

/** A verb that has begun and has not yet told its pattern anything. */
export interface Open {
  readonly place: string;
  /** Something in the world is being done for it right now. */
  readonly isAtWork?: boolean;
  /** Ends it without telling anybody. */
  drop(): void;
  /** Ends it and tells its pattern why, where it can be ended so. */
  abort?(failure: Failure): void;
  /** Nothing new is to start: it leaves the queue that it waits in. */
  stepBack?(): void;
}

/** A cap around all that happens in a frame: what it allows, by the place it stands at. */
export interface NestedCap {
  readonly place: string;
  readonly caps: Ledger["caps"];
}

/** Does a failure tell of a limit of the whole run: its money, or its time? */
export const isLimitOfRun = ({ kind, code }: FailureInfo): boolean =>
  kind === "limit" && code !== "DEPTH_EXCEEDED" && code !== "WIDTH_EXCEEDED";

/** One place in a run where a pattern, or a branch of it, stands: what it has been told, and what it has open. */
export class Frame {
  readonly path: string;
  readonly depth: number;
  readonly caps: readonly NestedCap[];
  readonly kids = new Set<Frame>();
  readonly open = new Set<Open>();
  /** The verb it waits for; a second one at the same time is a bug of the pattern. */
  busy: string | undefined;
  closed = false;
  /** The highest line it has read. */
  seq = 0;
  elapsed = 0;
  /** What those had taken that it follows. */
  #before = 0;
  spent: Usage = NO_USAGE;
  /** Why what is made here is less than was asked for. */
  degraded: readonly string[] = [];
  /** Money kept for the call that closes over its branches. */
  aside: { readonly usd: number; readonly tokens: number; readonly calls: number } | undefined;
  readonly #names = new Map<string, number>();
  #draws = 0;

  constructor(path: string, depth: number, caps: readonly NestedCap[], parent?: Frame) {
    this.path = path;
    this.depth = depth;
    this.caps = caps;
    parent?.kids.add(this);
  }

  /** The place of the next use of a name in here. */
  next(name: string): string {
    const plain = escapeName(name);
    const n = (this.#names.get(plain) ?? 0) + 1;
    this.#names.set(plain, n);
    return joinPlace(this.path, nthName(name, n));
  }

  told(line: Pick<Line, "seq" | "ms" | "usage" | "degraded" | "error">): void {
    this.seq = Math.max(this.seq, line.seq);
    this.elapsed += line.ms;
    if (line.usage) this.spent = addUsage(this.spent, line.usage);
    if (line.degraded) this.degrade(line.degraded);
    if (line.error && isLimitOfRun(line.error)) this.degrade([line.error.message]);
  }

  /** It begins where another has ended. */
  follow(other: Frame | undefined): void {
    if (!other) return;
    this.seq = Math.max(this.seq, other.seq);
    this.#before = Math.max(this.#before, other.elapsed);
    this.elapsed = this.#before;
  }

  /** What it has taken itself, whatever it follows. */
  get ownElapsed(): number {
    return this.elapsed - this.#before;
  }

  set ownElapsed(ms: number) {
    this.elapsed = this.#before + ms;
  }

  /** What side by side branches were told, as one step: the slowest counts. */
  join(kids: readonly Frame[]): void {
    this.elapsed += Math.max(0, ...kids.map(({ elapsed }) => elapsed));
    for (const kid of kids) {
      this.seq = Math.max(this.seq, kid.seq);
      this.spent = addUsage(this.spent, kid.spent);
      this.degrade(kid.degraded);
    }
  }

  degrade(reasons: readonly string[]): void {
    this.degraded = [...new Set([...this.degraded, ...reasons])];
  }

  random(seed: string): number {
    return Number.parseInt(fingerprint([seed, this.path, ++this.#draws]).slice(0, 12), 16) / 0x1000000000000;
  }

  close(): void {
    this.closed = true;
    this.aside = undefined;
    for (const open of this.open) open.drop();
    this.open.clear();
    for (const kid of this.kids) kid.close();
  }
}
