import type { Door, Room, Traffic, Written } from "../core/store.ts";
import { first, flag, int, maybeText, present, sql, type Tx, text } from "./statement.ts";
import { workerOf } from "./words.ts";

const WINDOW_S = 61;

type Full = Extract<Written, { readonly did: "full" }>;

/** Whether a provider is as busy as it may be, over all processes; undefined where one more call has room. */
export function* full({ provider, most, rpm, tpm, tokens }: Room, now: number): Tx<Full | undefined> {
  if (most !== undefined) {
    // "0" follows "/" in every alphabet: these are the names that begin with the provider and a slash.
    const held = "select count(*) as held from attempts where state = 'held' and model >= $1 and model < $2";
    const row = yield* first(sql(held, `${provider}/`, `${provider}0`));
    if (row && int(row, "held") >= most) return { did: "full" };
  }
  if (rpm === undefined && tpm === undefined) return undefined;
  const from = Math.floor(now / 1000) - WINDOW_S;
  const rows = yield sql(
    "select second, requests, tokens from turns where provider = $1 and second > $2 order by second",
    provider,
    from,
  );
  const sum = (column: string) => rows.reduce((all, row) => all + int(row, column), 0);
  const [oldest] = rows;
  const over = sum("requests") >= (rpm ?? Infinity) || sum("tokens") + tokens > (tpm ?? Infinity);
  if (!oldest || !over) return undefined;
  return { did: "full", wait_ms: (int(oldest, "second") - from) * 1000 };
}

/** Counts a call that is about to leave, where its provider has limits a minute. */
export function* takeTurn({ provider, rpm, tpm, tokens }: Room, now: number): Tx<void> {
  if (rpm === undefined && tpm === undefined) return;
  const second = Math.floor(now / 1000);
  const [row] = yield sql(
    `insert into turns (provider, second, requests, tokens) values ($1, $2, 1, $3)
     on conflict (provider, second) do update set requests = turns.requests + 1, tokens = turns.tokens + excluded.tokens
     returning requests`,
    provider,
    second,
    tokens,
  );
  if (row && int(row, "requests") === 1)
    yield sql("delete from turns where provider = $1 and second <= $2", provider, second - WINDOW_S);
}

/** What the other processes on this store are about, as far as it concerns who may ask whom. */
export function* traffic(me: string, now: number): Tx<Traffic> {
  const workers = yield sql(
    `select workers.*, exists (select 1 from runs where owner = workers.id and status = 'running') as plays
     from workers where id <> $1`,
    me,
  );
  const held = yield sql(
    `select attempts.model, count(*) as calls from attempts join runs on runs.id = attempts.run
     where attempts.state = 'held' and (runs.owner is null or runs.owner <> $1) group by attempts.model`,
    me,
  );
  const wants = yield sql("select provider, worker from wants where worker <> $1 and until > $2", me, now);
  const doors = yield sql("select * from doors where worker <> $1 and until > $2", me, now);
  return {
    workers: workers.map((row) => ({ worker: workerOf(row), plays: flag(row, "plays") })),
    held: held.map((row) => ({ model: text(row, "model"), calls: int(row, "calls") })),
    wants: wants.map((row) => ({ provider: text(row, "provider"), worker: text(row, "worker") })),
    doors: doors.map((row) => ({
      subject: text(row, "subject"),
      kind: text(row, "kind") as Door["kind"],
      until: int(row, "until"),
      failures: int(row, "failures"),
      ...present({ last: maybeText(row, "last") }),
    })),
  };
}

/** Says that a worker has calls that wait for these providers. */
export function* want(worker: string, providers: readonly string[], until: number): Tx<void> {
  for (const provider of providers)
    yield sql(
      `insert into wants (provider, worker, until) values ($1, $2, $3)
       on conflict (provider, worker) do update set until = excluded.until`,
      provider,
      worker,
      until,
    );
  yield sql("delete from wants where until < $1", until - 60_000);
}

/** Tells every process that somebody is to be left alone; the longer of two pauses holds. */
export function* shut({ subject, kind, until, failures, last }: Door, worker: string): Tx<void> {
  yield sql(
    `insert into doors (subject, kind, until, failures, last, worker) values ($1, $2, $3, $4, $5, $6)
     on conflict (subject, kind) do update set until = excluded.until, failures = excluded.failures,
       last = excluded.last, worker = excluded.worker where doors.until <= excluded.until`,
    subject,
    kind,
    Math.ceil(until),
    failures,
    last ?? null,
    worker,
  );
}

/** A breaker has closed: somebody is there again. */
export function* reopen(subject: string): Tx<void> {
  yield sql("delete from doors where subject = $1 and kind = 'open'", subject);
}
