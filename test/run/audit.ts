import { DatabaseSync, type StatementSync } from "node:sqlite";

interface Money {
  readonly id: string;
  readonly usd: number;
  readonly held: number;
  readonly cap: number | null;
  readonly tokens: number;
  readonly cap_tokens: number | null;
  readonly calls: number;
  readonly cap_calls: number | null;
}

const RUNS = `select id, usd, held_usd as held, cap_usd as cap, input_tokens + output_tokens + held_tokens as tokens,
  cap_tokens, calls + held_calls as calls, cap_calls from runs`;
const NODES = `select id, spent_usd as usd, held_usd as held, cap_usd as cap, spent_tokens + held_tokens as tokens,
  cap_tokens, spent_calls + held_calls as calls, cap_calls from nodes`;

const STANDINGS = `select id, status, paused, case when error like '{%' then json_extract(error, '$.code')
  else (select json_extract(body, '$.code') from texts where hash = substr(error, 2)) end as code from runs`;

export interface OpenWait {
  readonly run: string;
  readonly place: string;
  readonly kind: string;
}

export interface Standing {
  readonly id: string;
  readonly status: string;
  readonly code: string | null;
  readonly paused: number;
}

/** Looks into the file from outside, as an auditor does: its figures beside the vendor's. */
export class Audit {
  readonly #db: DatabaseSync;
  readonly #runs: StatementSync;
  readonly #nodes: StatementSync;
  readonly #waits: StatementSync;
  readonly #standings: StatementSync;
  readonly #billOf: (run: string) => number;
  readonly #onFault: (what: string) => void;

  constructor(path: string, billOf: (run: string) => number, onFault: (what: string) => void) {
    this.#db = new DatabaseSync(path, { timeout: 1000 });
    this.#runs = this.#db.prepare(RUNS);
    this.#nodes = this.#db.prepare(NODES);
    this.#waits = this.#db.prepare("select run, place, kind from waits where state = 'open' and dropped = 0");
    this.#standings = this.#db.prepare(STANDINGS);
    this.#billOf = billOf;
    this.#onFault = onFault;
  }

  /** The vendor's bill <= what is charged and held <= the cap, at every moment and for every node. */
  look(): void {
    const runs = this.#runs.all() as unknown as Money[];
    let billed = 0;
    for (const run of runs) {
      const bill = this.#billOf(run.id);
      billed += bill;
      if (bill > run.usd + run.held) this.#onFault(`${run.id}: billed ${bill}, charged ${run.usd}, held ${run.held}`);
      this.#checkCaps(run);
    }
    const nodes = this.#nodes.all() as unknown as Money[];
    for (const node of nodes) this.#checkCaps(node);
    const days = nodes.filter(({ id }) => id.startsWith("day:"));
    const known = days.reduce((sum, { usd, held }) => sum + usd + held, 0);
    if (billed > known) this.#onFault(`all days know of ${known}, and ${billed} is billed`);
  }

  waits(): readonly OpenWait[] {
    return this.#waits.all() as unknown as OpenWait[];
  }

  standings(): readonly Standing[] {
    return this.#standings.all() as unknown as Standing[];
  }

  rows(sql: string, ...args: string[]): Record<string, string | number | null>[] {
    return this.#db.prepare(sql).all(...args) as Record<string, string | number | null>[];
  }

  close(): void {
    this.#db.close();
  }

  #checkCaps({ id, usd, held, cap, tokens, cap_tokens, calls, cap_calls }: Money): void {
    if (cap !== null && usd + held > cap) this.#onFault(`${id}: ${usd} charged and ${held} held of ${cap}`);
    if (cap_tokens !== null && tokens > cap_tokens) this.#onFault(`${id}: ${tokens} tokens of ${cap_tokens}`);
    if (cap_calls !== null && calls > cap_calls) this.#onFault(`${id}: ${calls} calls of ${cap_calls}`);
    if (held < 0) this.#onFault(`${id}: holds ${held}`);
  }
}
