import { randomBytes } from "node:crypto";

const MOST = 1000;
/** A link that was not followed by then is followed by nobody. */
const LINK_MS = 3_600_000;
const VISIT_MS = 3_600_000;

const secret = (): string => randomBytes(24).toString("base64url");

interface Entry {
  readonly run: string;
  readonly until: number;
}

/** Links that open a page once, and the visits that they began. All of it is forgotten with the process. */
export class OneTimeLinks {
  readonly #now: () => number;
  readonly #links = new Map<string, Entry>();
  readonly #visits = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The token of a link to a run: the same until somebody has followed it. */
  issue(run: string): string {
    const now = this.#now();
    for (const [token, entry] of this.#links) {
      if (entry.until <= now) this.#links.delete(token);
      else if (entry.run === run) return token;
    }
    const token = secret();
    this.#links.set(token, { run, until: now + LINK_MS });
    forgetOldest(this.#links);
    return token;
  }

  /** Follows a link: begins a visit and says to which run it leads; nothing where it has been followed, or is too old. */
  follow(token: string): { readonly run: string; readonly visit: string } | undefined {
    const entry = this.#links.get(token);
    this.#links.delete(token);
    if (!entry || entry.until <= this.#now()) return undefined;
    const visit = secret();
    this.#visits.set(visit, this.#now() + VISIT_MS);
    forgetOldest(this.#visits);
    return { run: entry.run, visit };
  }

  /** Does a visit still last? */
  isVisiting(visit: string): boolean {
    return (this.#visits.get(visit) ?? 0) > this.#now();
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  const [oldest] = map.size > MOST ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
}
