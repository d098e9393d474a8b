import { Failure } from "../core/errors.ts";
import { isPlace } from "../core/place.ts";
import { hasGates, verdictsOf } from "../core/verdicts.ts";
import { type GivenRating, type RatingMean, splitVersion, type TrackRecord } from "../core/versions.ts";
import { first, int, maybeText, present, type Row, sql, type Tx, text } from "./statement.ts";
import { fetchTexts, unpack } from "./texts.ts";
import { unknownRun } from "./waits.ts";

const NO_REHEARSAL = "model not like 'rehearsal/%'";

/** Adds a run that has ended to what is known of those who answered in it. Each generation counts by itself. */
export function* keepTrack(run: Row): Tx<void> {
  yield sql(
    `insert into agent_record (name, version, runs, calls, bad, usd, ms)
     select agent, ${KEPT_VERSION}, 1, count(*), sum(case when result = 'bad' or error_kind = 'semantic' then 1 else 0 end),
       sum(usd), cast(sum(coalesce(ms, 0)) as bigint)
     from attempts as asked
     where run = $1 and generation = $2 and state = 'settled' and cached_answer = 0 and ${NO_REHEARSAL}
     group by 1, 2
     on conflict (name, version) do update set runs = agent_record.runs + excluded.runs,
       calls = agent_record.calls + excluded.calls, bad = agent_record.bad + excluded.bad,
       usd = agent_record.usd + excluded.usd, ms = agent_record.ms + excluded.ms`,
    text(run, "id"),
    int(run, "generation"),
  );
  yield* keepVerdicts(run);
}

/** Of an ad-hoc specialist or a plain model there is no version to speak of. */
const KEPT_VERSION = `coalesce((select kept.version from agent_versions as kept
  where kept.name = asked.agent and kept.version = asked.agent_version), '')`;

function* keepVerdicts(run: Row): Tx<void> {
  const input = unpack(run["input"], yield* fetchTexts([run["input"]]));
  const pattern = text(run, "pattern");
  if (!hasGates(pattern, input)) return;
  const lines = yield sql(
    `select place, agent, value from lines where run = $1 and generation = $2 and kind in ('call', 'run') and state = 'done'
       and dropped = 0 and reused = 0 and agent is not null and ${NO_REHEARSAL} order by seq`,
    text(run, "id"),
    int(run, "generation"),
  );
  const texts = yield* fetchTexts(lines.map((line) => line["value"]));
  const answers = lines.map((line) => ({
    place: text(line, "place"),
    agent: text(line, "agent"),
    value: unpack(line["value"], texts),
  }));
  for (const { agent, passed } of verdictsOf(pattern, input, answers)) {
    const { name, version = "" } = splitVersion(agent);
    yield sql(
      `insert into agent_record (name, version, passed, failed)
       select agent, ${KEPT_VERSION}, $3, $4 from (select $1 as agent, $2 as agent_version) as asked where true
       on conflict (name, version) do update set passed = agent_record.passed + excluded.passed,
         failed = agent_record.failed + excluded.failed`,
      name,
      version,
      passed ? 1 : 0,
      passed ? 0 : 1,
    );
  }
}

export function* records(): Tx<readonly TrackRecord[]> {
  const rows = yield sql("select * from agent_record order by name, version");
  return rows.map((row) => ({
    name: text(row, "name"),
    version: text(row, "version"),
    runs: int(row, "runs"),
    calls: int(row, "calls"),
    bad: int(row, "bad"),
    usd: int(row, "usd"),
    ms: int(row, "ms"),
    passed: int(row, "passed"),
    failed: int(row, "failed"),
  }));
}

/** Rates a run, or a step that somebody has answered. */
export function* rate(wish: Omit<GivenRating, "agents" | "at">, now: number): Tx<GivenRating> {
  const { run, by, score, note } = wish;
  if (!(yield* first(sql("select id from runs where id = $1", run)))) throw unknownRun(run);
  const answered = yield sql(
    `select place, agent from lines where run = $1 and kind in ('call', 'run') and state = 'done' and dropped = 0
       and agent is not null order by seq`,
    run,
  );
  const meant = answered.filter((line) => wish.place === "" || isPlace(text(line, "place"), wish.place));
  const place = wish.place === "" ? "" : text(meant[0] ?? noAnswer(wish, answered), "place");
  const agents = [...new Set(meant.map((line) => text(line, "agent")))];
  yield sql(
    `insert into ratings (run, place, by_whom, score, note, agents, at) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (run, place, by_whom) do update set score = excluded.score, note = excluded.note,
       agents = excluded.agents, at = excluded.at`,
    run,
    place,
    by,
    score,
    note ?? null,
    JSON.stringify(agents),
    now,
  );
  return { run, place, by, score, agents, at: now, ...(note !== undefined && { note }) };
}

function noAnswer({ run, place }: Pick<GivenRating, "run" | "place">, answered: readonly Row[]): never {
  const places = [...new Set(answered.map((line) => text(line, "place")))].slice(0, 20).join(", ");
  throw new Failure("NOT_FOUND", `nobody has answered at ${JSON.stringify(place.slice(0, 80))} in run ${run}`, {
    hint: `Answered there: ${places || "nobody yet"}. Without a step the run as a whole is rated.`,
  });
}

export function* ratings(run: string): Tx<readonly GivenRating[]> {
  const rows = yield sql("select * from ratings where run = $1 order by at, place", run);
  return rows.map((row) => ({
    run,
    place: text(row, "place"),
    by: text(row, "by_whom"),
    score: int(row, "score"),
    agents: JSON.parse(text(row, "agents")) as string[],
    at: int(row, "at"),
    ...present({ note: maybeText(row, "note") }),
  }));
}

export function* ratingMeans(): Tx<readonly RatingMean[]> {
  const rows = yield sql(
    `select about.value as agent, sum(score) as sum, count(*) as count
     from ratings, json_each(ratings.agents) as about group by about.value order by about.value`,
  );
  return rows.map((row) => ({
    agent: text(row, "agent"),
    mean: Math.round((int(row, "sum") / int(row, "count")) * 100) / 100,
    count: int(row, "count"),
  }));
}
