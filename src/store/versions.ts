import type { Catalogue } from "../core/catalogue.ts";
import type { Choice, KeptVersion, RetiredKind, Retirement, Standing } from "../core/versions.ts";
import { bit, first, flag, int, maybeText, present, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts, keep, unpack } from "./texts.ts";

const DAY = 86_400_000;

/** Keeps every agent of a catalogue that a run has pinned; once a day for each. */
export function* keepAgents({ agents }: Catalogue, hash: string, isFork: boolean, now: number): Tx<void> {
  const seen = yield* first(sql("select seen_at from agent_catalogues where hash = $1", hash));
  if (seen && int(seen, "seen_at") >= now - DAY) return;
  for (const agent of Object.values(agents)) yield* keepAgent(agent, isFork, now);
  yield sql(
    "insert into agent_catalogues (hash, seen_at) values ($1, $2) on conflict (hash) do update set seen_at = excluded.seen_at",
    hash,
    now,
  );
}

type Agent = Catalogue["agents"][string];

function* keepAgent(agent: Agent, isFork: boolean, now: number): Tx<void> {
  const { name, version, tag, source } = agent;
  yield sql(
    `insert into agent_versions (number, name, version, tag, body, source, tried, first_seen, last_seen)
     values ((select coalesce(max(number), 0) + 1 from agent_versions), $1, $2, $3, $4, $5, $6, $7, $7)
     on conflict (name, version) do update set body = excluded.body, source = excluded.source, tag = excluded.tag,
       tried = agent_versions.tried * excluded.tried, last_seen = excluded.last_seen`,
    name,
    version,
    tag ?? null,
    (yield* keep(agent, now)) ?? "",
    source,
    bit(isFork),
    now,
  );
}

/** What is known of versions, and by which numbers it is seen whether that has changed. */
export interface Stamped extends Standing {
  readonly stamp: string;
}

/** What is known now; what was known before where nothing has changed. */
export function* standing(before: Standing | undefined): Tx<Stamped> {
  const row = yield* first(
    sql(
      `select (select max(number) from agent_versions) as a, (select max(number) from agent_active) as b,
         (select max(number) from retirements) as c`,
    ),
  );
  const stamp = JSON.stringify([row?.["a"], row?.["b"], row?.["c"]]);
  if (isStamped(before) && before.stamp === stamp) return before;
  return { stamp, versions: yield* versions(before), active: yield* active(), retired: yield* retired() };
}

const isStamped = (known: Standing | undefined): known is Stamped => known !== undefined && "stamp" in known;

/** Those that are known stay; only what was kept later is read. */
function* versions(before: Standing | undefined): Tx<readonly KeptVersion[]> {
  const known = before?.versions ?? [];
  const last = known.at(-1)?.number ?? 0;
  const rows = yield sql("select * from agent_versions where number > $1 order by number", last);
  const texts = yield* fetchTexts(rows.map((row) => row["body"]));
  return [
    ...known,
    ...rows.map((row) => ({
      number: int(row, "number"),
      name: text(row, "name"),
      version: text(row, "version"),
      source: text(row, "source"),
      tried: flag(row, "tried"),
      first_seen: int(row, "first_seen"),
      last_seen: int(row, "last_seen"),
      body: JSON.stringify(unpack(row["body"], texts)),
      ...present({ tag: maybeText(row, "tag") }),
    })),
  ];
}

const choiceOf = (row: Row): Choice => ({
  name: text(row, "name"),
  by: text(row, "by_whom"),
  at: int(row, "at"),
  ...present({ version: maybeText(row, "version") }),
});

function* active(): Tx<ReadonlyMap<string, Choice>> {
  const rows = yield sql(
    "select * from agent_active where number in (select max(number) from agent_active group by name)",
  );
  const chosen = rows.map(choiceOf).filter(({ version }) => version !== undefined);
  return new Map(chosen.map((choice) => [choice.name, choice]));
}

function* retired(): Tx<readonly Retirement[]> {
  const rows = yield sql(
    `select * from retirements where retired = 1
       and number in (select max(number) from retirements group by kind, name)`,
  );
  return rows.map((row) => ({
    kind: text(row, "kind") as RetiredKind,
    name: text(row, "name"),
    by: text(row, "by_whom"),
    at: int(row, "at"),
    ...present({ note: maybeText(row, "note") }),
  }));
}

export function* choose(
  name: string,
  version: string | undefined,
  by: string,
  agent: Agent | undefined,
  now: number,
): Tx<Choice> {
  if (agent) yield* keepAgent(agent, false, now);
  const [row] = yield sql(
    `insert into agent_active (number, name, version, by_whom, at)
     values ((select coalesce(max(number), 0) + 1 from agent_active), $1, $2, $3, $4) returning *`,
    name,
    version ?? null,
    by,
    now,
  );
  if (!row) throw new Error(`no version of ${name} was chosen`);
  return choiceOf(row);
}

export function* choices(name: string): Tx<readonly Choice[]> {
  const rows = yield sql("select * from agent_active where name = $1 order by number desc", name);
  return rows.map(choiceOf);
}

/** Retires a name, or lets it be asked again; true where that changes something. */
export function* retire(
  kind: RetiredKind,
  name: string,
  isRetired: boolean,
  { by, note }: { readonly by: string; readonly note?: string | undefined },
  now: number,
): Tx<boolean> {
  const last = yield* first(
    sql("select retired from retirements where kind = $1 and name = $2 order by number desc limit 1", kind, name),
  );
  if ((last ? flag(last, "retired") : false) === isRetired) return false;
  yield sql(
    `insert into retirements (number, kind, name, retired, note, by_whom, at)
     values ((select coalesce(max(number), 0) + 1 from retirements), $1, $2, $3, $4, $5, $6)`,
    kind,
    name,
    bit(isRetired),
    note ?? null,
    by,
    now,
  );
  return true;
}
