/** What is known of agents beyond runs: their versions, which is active, who is retired, how they have done. */
export const FORMAT_AGENTS = `
-- Every version of an agent that a run has pinned.
create table agent_versions (
  number bigint primary key,
  name text not null,
  version text not null,
  tag text,
  body text not null,
  source text not null,
  -- Asked in forks alone: no file ever said it.
  tried bigint not null,
  first_seen bigint not null,
  last_seen bigint not null
);
create unique index agent_versions_name on agent_versions (name, version);

-- The catalogues whose agents have been kept, and when that was last done.
create table agent_catalogues (
  hash text primary key,
  seen_at bigint not null
) without rowid;

-- Which version a name means from then on; none: what the newest file says. The last one counts.
create table agent_active (
  number bigint primary key,
  name text not null,
  version text,
  by_whom text not null,
  at bigint not null
);
create index agent_active_name on agent_active (name, number);

-- Names that no new run may ask, and those that may be asked again. The last one counts.
create table retirements (
  number bigint primary key,
  kind text not null,
  name text not null,
  retired bigint not null,
  note text,
  by_whom text not null,
  at bigint not null
);
create index retirements_name on retirements (kind, name, number);

-- Sums over runs that have ended; the version '' is everybody who is no kept version.
create table agent_record (
  name text not null,
  version text not null,
  runs bigint not null default 0,
  calls bigint not null default 0,
  bad bigint not null default 0,
  usd bigint not null default 0,
  ms bigint not null default 0,
  passed bigint not null default 0,
  failed bigint not null default 0,
  primary key (name, version)
) without rowid;

-- What people and callers think of runs and their steps; the place '' is the whole run. Agents as a JSON list of name@version.
create table ratings (
  run text not null,
  place text not null,
  by_whom text not null,
  score bigint not null,
  note text,
  agents text not null,
  at bigint not null,
  primary key (run, place, by_whom)
) without rowid;
`;
