import type * as core from "../core/versions.ts";
import type { Driver } from "./driver.ts";
import * as track from "./track.ts";
import * as versions from "./versions.ts";

/** What is known of agents beyond runs, over any database that plays its transactions. */
export class SqlVersions implements core.VersionStore {
  readonly #db: Driver;

  constructor(db: Driver) {
    this.#db = db;
  }

  standing(before?: core.Standing): Promise<core.Standing> {
    return this.#db.read(() => versions.standing(before));
  }

  choose(...[name, version, by, agent]: Parameters<core.VersionStore["choose"]>): Promise<core.Choice> {
    return this.#db.write({ tx: ({ now }) => versions.choose(name, version, by, agent, now), fresh: true });
  }

  choices(name: string): Promise<readonly core.Choice[]> {
    return this.#db.read(() => versions.choices(name));
  }

  retire(kind: core.RetiredKind, name: string, by: string, note?: string): Promise<boolean> {
    return this.#db.write({ tx: ({ now }) => versions.retire(kind, name, true, { by, note }, now), fresh: true });
  }

  restore(kind: core.RetiredKind, name: string, by: string): Promise<boolean> {
    return this.#db.write({ tx: ({ now }) => versions.retire(kind, name, false, { by }, now), fresh: true });
  }

  records(): Promise<readonly core.TrackRecord[]> {
    return this.#db.read(track.records);
  }

  rate(rating: Omit<core.GivenRating, "agents" | "at">): Promise<core.GivenRating> {
    return this.#db.write({ tx: ({ now }) => track.rate(rating, now), fresh: true, touched: () => [rating.run] });
  }

  ratings(run: string): Promise<readonly core.GivenRating[]> {
    return this.#db.read(() => track.ratings(run));
  }

  ratingMeans(): Promise<readonly core.RatingMean[]> {
    return this.#db.read(track.ratingMeans);
  }
}
