import type { Door, Room, Traffic, Written } from "../core/store.ts";
import { first, flag, int, maybeText, present, type Row, sql, type Tx, text } from "./statement.ts";
import { workerOf } from "./words.ts";

const WINDOW_S = 61;
const DAY = 86_400_000;
const NO_LIMIT = Number.POSITIVE_INFINITY;

type Full = Extract<Written, { readonly did: "full" }>;
type Barred = Extract<Written, { readonly did: "shut" | "tried" }>;

/** Whether a provider, or the server, is as busy as it may be, over all processes; undefined where one more call has room. */
export function* full(room: Room, now: number): Tx<Full | undefined> {
  return (yield* inFlight(room)) ?? (yield* thisMinute(room, now));
}

function* inFlight({ provider, most = NO_LIMIT, all = NO_LIMIT }: Room): Tx<Full | undefined> {
  if (most === NO_LIMIT && all === NO_LIMIT) return undefined;
  // "0" follows "/" in every alphabet: these are the names that begin with the provider and a slash.
  const count = `select count(*) as every, count(case when model >= $1 and model < $2 then 1 end) as theirs
    from attempts where state = 'held'`;
  const row = yield* first(sql(count, `${provider}/`, `${provider}0`));
  if (row && int(row, "every") >= all) return { did: "full", all: true };
  return row && int(row, "theirs") >= most ? { did: "full" } : undefined;
}

function* thisMinute({ provider, rpm, tpm, tokens }: Room, now: number): Tx<Full | undefined> {
  if (rpm === undefined && tpm === undefined) return undefined;
  const from = Math.floor(now / 1000) - WINDOW_S;
  const rows = yield sql(
    "select second, requests, tokens from turns where provider = $1 and second > $2 order by second",
    provider,
    from,
  );
  const sum = (column: string) => rows.reduce((all, row) => all + int(row, column), 0);
  const [oldest] = rows;
  const over = sum("requests") >= (rpm ?? NO_LIMIT) || sum("tokens") + tokens > (tpm ?? NO_LIMIT);
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
  const breakers = yield sql(`select subject, ${IS_TRIED} from doors where kind = 'open'`);
  return {
    workers: workers.map((row) => ({ worker: workerOf(row), plays: flag(row, "plays") })),
    held: held.map((row) => ({ model: text(row, "model"), calls: int(row, "calls") })),
    wants: wants.map((row) => ({ provider: text(row, "provider"), worker: text(row, "worker") })),
    doors: doors.map(doorOf),
    breakers: breakers.map((row) => ({ subject: text(row, "subject"), tried: flag(row, "tried") })),
  };
}

const doorOf = (row: Row): Door => ({
  subject: text(row, "subject"),
  kind: text(row, "kind") as Door["kind"],
  until: int(row, "until"),
  failures: int(row, "failures"),
  ...present({ last: maybeText(row, "last") }),
});

/** Whoever tries a breaker does so for as long as his request is in flight. */
const IS_TRIED = `exists (select 1 from attempts
  where run = doors.probe_run and id = doors.probe_attempt and state = 'held') as tried`;

/**
 * What the breakers in a request's way say, whoever has opened them: that they are shut, that somebody else is trying
 * them, or which of them it would be the one to try.
 */
export function* breakersOf(
  subjects: readonly string[],
  now: number,
): Tx<Barred | { readonly tries: readonly string[] }> {
  const rows = yield sql(
    `select *, ${IS_TRIED} from doors where kind = 'open' and subject in (select value from json_each($1))`,
    JSON.stringify(subjects),
  );
  const shut = rows.find((row) => int(row, "until") > now);
  if (shut) return { did: "shut", door: doorOf(shut) };
  if (rows.some((row) => flag(row, "tried"))) return { did: "tried" };
  return { tries: rows.map((row) => text(row, "subject")) };
}

/** Lets one request through to see whether anybody is there again. */
export function* tryOut(subjects: readonly string[], run: string, attempt: number): Tx<void> {
  for (const subject of subjects)
    yield sql(
      "update doors set probe_run = $2, probe_attempt = $3 where subject = $1 and kind = 'open'",
      subject,
      run,
      attempt,
    );
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
export function* shut({ subject, kind, until, failures, last }: Door, worker: string, now: number): Tx<void> {
  yield sql("delete from doors where until < $1", now - DAY);
  yield sql(
    `insert into doors (subject, kind, until, failures, last, worker) values ($1, $2, $3, $4, $5, $6)
     on conflict (subject, kind) do update set until = excluded.until, failures = excluded.failures,
       last = excluded.last, worker = excluded.worker, probe_run = null, probe_attempt = null
     where doors.until <= excluded.until`,
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
