import type { ApprovalPolicy } from "../core/deciding.ts";
import type { Run } from "../core/store.ts";

/** Where a person can decide for a run: the address of a page, where there is one. */
export type FindPage = (run: Run) => Promise<string | undefined>;

/** The people behind a run: what is theirs alone to decide, and where they do. */
export class People {
  readonly policy: ApprovalPolicy;
  #find: FindPage = async () => undefined;

  constructor(policy: ApprovalPolicy) {
    this.policy = policy;
  }

  /** Says where the page is; whoever serves one does. */
  meetAt(find: FindPage): void {
    this.#find = find;
  }

  /** Where a person can decide for this run. A page that cannot be opened is none. */
  async page(run: Run): Promise<string | undefined> {
    return this.#find(run).catch(() => undefined);
  }
}
