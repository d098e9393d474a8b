import type { Clock } from "../../core/clock.ts";
import { Failure } from "../../core/errors.ts";
import type { Job, Moment } from "../driver.ts";
import { Group } from "../group.ts";
import type { Connection } from "./connection.ts";
import { failureOf, sqliteCode, troubleOf } from "./trouble.ts";

const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 500;
const PATIENCE_MS = 60_000;
const TRIGGER_SAID_NO = 1811;

interface Waiting {
  readonly fresh: boolean;
  readonly shares: boolean;
  /** Plays it inside the open transaction; what comes back tells its caller, once the commit is durable. */
  readonly play: (at: Moment) => Told;
  readonly refuse: (error: unknown) => void;
}

interface Told {
  readonly runs: readonly string[];
  readonly tell: () => void;
}

export interface CommitsOptions {
  readonly clock: Clock;
  readonly path: string;
  /** Writes something that changes nothing, to see whether it can be done again. */
  readonly probe: string;
  /** Fails where the file is no longer one that this process may write. */
  readonly check: () => void;
  readonly committed: (runs: readonly string[]) => void;
}

/**
 * Group commit: all transactions that are handed in during one turn of the event loop become durable together, in
 * their order, with one sync. One that fails is undone alone. While the file is locked or the disk is full all of them
 * are kept and tried again, and the event loop goes on.
 */
export class Commits {
  readonly #db: Connection;
  readonly #options: CommitsOptions;
  #queue: Waiting[] = [];
  #scheduled = false;
  #pause = 0;
  #since: number | undefined;
  #ailing: Failure | undefined;
  #closed = false;

  constructor(db: Connection, options: CommitsOptions) {
    this.#db = db;
    this.#options = options;
  }

  get ailing(): Failure | undefined {
    return this.#ailing;
  }

  submit<T>(job: Job<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error("the store is closed"));
      if (this.#ailing && (job.fresh || this.#ailing.code === "STORE_NEWER")) return reject(this.#ailing);
      this.#queue.push({
        fresh: job.fresh ?? false,
        shares: job.shares ?? false,
        refuse: reject,
        play: (at) => {
          const result = this.#db.play(job.tx(at));
          return { runs: job.touched?.(result) ?? [], tell: () => resolve(result) };
        },
      });
      this.#schedule();
    });
  }

  /** Writes what is still waiting, if that can be done now, and takes no more. */
  close(): void {
    if (this.#queue.length > 0) this.#flush();
    this.#closed = true;
    this.#refuseAll(this.#ailing ?? new Error("the store was closed before this was written"));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const flush = () => {
      this.#scheduled = false;
      if (!this.#closed) this.#flush();
    };
    if (this.#pause === 0) setImmediate(flush);
    else this.#options.clock.after(this.#pause, flush);
  }

  #flush(): void {
    const jobs = this.#queue;
    let told: readonly Told[];
    try {
      told = this.#commit(jobs);
    } catch (error) {
      this.#db.rollback();
      this.#postpone(error);
      return;
    }
    this.#queue = [];
    this.#pause = 0;
    this.#since = undefined;
    this.#ailing = undefined;
    this.#options.committed([...new Set(told.flatMap(({ runs }) => runs))]);
    for (const { tell } of told) tell();
  }

  /** Most commits go well as a whole; only where something fails is all of it played again, each job by itself. */
  #commit(jobs: readonly Waiting[]): readonly Told[] {
    try {
      return this.#playAll(jobs, ({ play }, at) => play(at));
    } catch (error) {
      if (troubleOf(error) !== undefined) throw error;
      this.#db.rollback();
      return this.#playAll(jobs, (job, at) => this.#playAlone(job, at));
    }
  }

  #playAll(jobs: readonly Waiting[], each: (job: Waiting, at: Moment) => Told): readonly Told[] {
    const { clock, check } = this.#options;
    this.#db.exec("begin immediate");
    check();
    if (jobs.length === 0) this.#db.exec(this.#options.probe);
    const group = new Group();
    const told = jobs.map((job) => {
      if (!job.shares) this.#db.play(group.post());
      const at = { now: clock.now(), mono: Math.floor(clock.mono()), ...(job.shares && { group }) };
      return each(job, at);
    });
    this.#db.play(group.post());
    this.#db.exec("commit");
    return told;
  }

  /** Plays one transaction so that its failure undoes nothing but itself. */
  #playAlone({ play, refuse }: Waiting, at: Moment): Told {
    this.#db.ask("savepoint one");
    try {
      const told = play(at);
      this.#db.ask("release one");
      return told;
    } catch (error) {
      if (troubleOf(error) !== undefined || !this.#db.inTransaction) throw error;
      this.#db.ask("rollback to one");
      this.#db.ask("release one");
      return { runs: [], tell: () => refuse(asFailure(error)) };
    }
  }

  #postpone(error: unknown): void {
    const trouble = troubleOf(error);
    if (trouble === "busy") return this.#waitForOthers(error);
    if (trouble === "full" || trouble === "read-only") {
      this.#ailing = failureOf(trouble, this.#options.path, error);
      this.#refuseFresh(this.#ailing);
      this.#pause = LAST_PAUSE_MS;
      return this.#schedule();
    }
    const failure = trouble ? failureOf(trouble, this.#options.path, error) : error;
    if (failure instanceof Failure) this.#ailing = failure;
    this.#refuseAll(failure);
  }

  /** New wishes are refused after a while; whoever plays a run goes on waiting, since nothing of it may be lost. */
  #waitForOthers(error: unknown): void {
    const now = this.#options.clock.mono();
    this.#since ??= now;
    if (now - this.#since > PATIENCE_MS) this.#refuseFresh(failureOf("busy", this.#options.path, error));
    if (this.#queue.length === 0) {
      this.#since = undefined;
      this.#pause = 0;
      return;
    }
    this.#pause = Math.min(LAST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pause * 2));
    this.#schedule();
  }

  #refuseFresh(failure: Failure): void {
    for (const job of this.#queue) if (job.fresh) job.refuse(failure);
    this.#queue = this.#queue.filter(({ fresh }) => !fresh);
  }

  #refuseAll(error: unknown): void {
    const jobs = this.#queue;
    this.#queue = [];
    for (const { refuse } of jobs) refuse(error);
  }
}

function asFailure(error: unknown): unknown {
  if (sqliteCode(error) !== TRIGGER_SAID_NO) return error;
  return new Failure("ILLEGAL_CHANGE", error instanceof Error ? error.message : "illegal change", { cause: error });
}
