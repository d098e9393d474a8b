import { CHANGES, STATUSES } from "../core/status.ts";
import { FORMAT_2 } from "./format-2.ts";
import { FORMAT_AGENTS } from "./format-agents.ts";
import { FORMAT_ALERTS } from "./format-alerts.ts";
import { FORMAT_APPROVALS } from "./format-approvals.ts";
import { FORMAT_CONTROL } from "./format-control.ts";
import { FORMAT_DEAD } from "./format-dead.ts";
import { FORMAT_DIALOGUES } from "./format-dialogues.ts";
import { FORMAT_FORKS } from "./format-forks.ts";
import { FORMAT_LANES } from "./format-lanes.ts";
import { FORMAT_MATERIAL } from "./format-material.ts";
import { FORMAT_MEMORY } from "./format-memory.ts";
import { FORMAT_SHARES } from "./format-shares.ts";
import { FORMAT_UNDO } from "./format-undo.ts";

const changes = STATUSES.flatMap((before) => CHANGES[before].map((after) => `('${before}', '${after}')`)).join(", ");

/**
 * How a file came to be what it is: entry n leads from format n to format n + 1. An entry that was released is never
 * changed again. `bigint` is what both databases hold nano-USD and milliseconds in.
 *
 * Columns that hold values hold short JSON as it is, `@` and the hash of a text that is the value, or `#` and the hash
 * of a text that is its JSON.
 */
export const MIGRATIONS: readonly string[] = [
  `
create table status_changes (
  before text not null,
  after text not null,
  primary key (before, after)
) without rowid;
insert into status_changes (before, after) values ${changes};

-- Long texts, each once, by the hash of their content. A sweeper spares those that were used lately.
create table texts (
  hash text primary key,
  body text not null,
  used_at bigint not null
);

create table workers (
  id text primary key,
  pid bigint not null,
  host text not null,
  boot text not null,
  lock_file text not null,
  enlisted_at bigint not null
) without rowid;

-- A run is its own node of the budget: caps, what it has used, what its requests in flight hold.
create table runs (
  id text primary key,
  status text not null,
  pattern text not null,
  pattern_version bigint not null,
  input text,
  caller text not null,
  labels text not null,
  priority bigint not null,
  catalogue text not null,
  seed text not null,
  needs text not null,
  rehearsal text,
  idempotency_key text,
  idempotency_hash text,
  on_budget text not null,
  cap_usd bigint,
  cap_tokens bigint,
  cap_calls bigint,
  cap_seconds bigint,
  cap_explicit bigint not null,
  generation bigint not null default 1,
  epoch bigint not null default 0,
  beat bigint not null default 0,
  crashes bigint not null default 0,
  owner text,
  preferred text,
  cancelling bigint not null default 0,
  paused bigint not null default 0,
  rank bigint not null,
  lane text,
  lane_number bigint,
  source_run text,
  created_at bigint not null,
  started_at bigint,
  ended_at bigint,
  wake_at bigint,
  held_ms bigint not null default 0,
  touched_mono bigint not null default 0,
  output text,
  error text,
  degraded text not null default '[]',
  progress text,
  usd bigint not null default 0,
  input_tokens bigint not null default 0,
  cached_tokens bigint not null default 0,
  cache_write_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  reasoning_tokens bigint not null default 0,
  calls bigint not null default 0,
  partial bigint not null default 0,
  held_usd bigint not null default 0,
  held_tokens bigint not null default 0,
  held_calls bigint not null default 0
);
create unique index runs_idempotency on runs (caller, idempotency_key) where idempotency_key is not null;
create index runs_queue on runs (needs, pattern, pattern_version, rank) where status = 'queued';
create index runs_preferred on runs (preferred, rank) where status = 'queued' and preferred is not null;
create index runs_playing on runs (owner) where status = 'running';
create index runs_wake on runs (wake_at) where status = 'waiting';
create index runs_time on runs (created_at, id);

create table lines (
  run text not null,
  generation bigint not null,
  place text not null,
  seq bigint not null,
  kind text not null,
  print text not null,
  state text not null,
  value text,
  error text,
  agent text,
  model text,
  usage text,
  degraded text,
  ms double precision not null,
  at bigint not null,
  dropped bigint not null default 0,
  primary key (run, generation, place)
) without rowid;

-- Every request to a provider, with the nodes of the budget that it holds or held money in.
create table attempts (
  run text not null,
  id bigint not null,
  generation bigint not null,
  place text not null,
  epoch bigint not null,
  rung bigint not null,
  turn bigint not null,
  agent text not null,
  agent_version text,
  model text not null,
  state text not null,
  result text,
  reserve_usd bigint not null,
  reserve_tokens bigint not null,
  max_output_tokens bigint not null,
  clamped bigint not null,
  usd bigint not null default 0,
  input_tokens bigint not null default 0,
  cached_tokens bigint not null default 0,
  cache_write_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  reasoning_tokens bigint not null default 0,
  calls bigint not null default 0,
  partial bigint not null default 0,
  estimated bigint not null default 0,
  corrected bigint not null default 0,
  overrun bigint not null default 0,
  cached_answer bigint not null,
  nodes text not null,
  error text,
  error_kind text,
  asked text not null,
  shape_version text,
  reply text,
  mode text,
  remote text,
  at bigint not null,
  first_ms double precision,
  ms double precision,
  primary key (run, id)
) without rowid;

create table waits (
  run text not null,
  generation bigint not null,
  place text not null,
  kind text not null,
  state text not null,
  show text,
  approval text,
  expires_at bigint,
  answer text,
  decided_by text,
  decided_at bigint,
  opened_at bigint not null,
  dropped bigint not null default 0,
  primary key (run, generation, place)
) without rowid;

-- What callers and days may spend. Their caps are those of the latest hold.
create table nodes (
  id text primary key,
  scope text not null,
  cap_usd bigint,
  cap_tokens bigint,
  cap_calls bigint,
  spent_usd bigint not null default 0,
  spent_tokens bigint not null default 0,
  spent_calls bigint not null default 0,
  held_usd bigint not null default 0,
  held_tokens bigint not null default 0,
  held_calls bigint not null default 0
) without rowid;

-- Sums over the runs that succeeded; the place '' is the whole run.
create table baselines (
  subject text not null,
  place text not null,
  runs bigint not null,
  usd bigint not null,
  ms bigint not null,
  primary key (subject, place)
) without rowid;

-- What is to be told to the outside, written with what it tells.
create table outbox (
  id text primary key,
  run text,
  kind text not null,
  body text not null,
  made_at bigint not null,
  due_at bigint not null,
  sent_at bigint,
  tries bigint not null default 0
) without rowid;
create index outbox_due on outbox (due_at) where sent_at is null;

-- The record of every finished call, for whoever reads the file with SQL. One row a request:
--   run_id, step                      where it was asked; a step that was asked again has several rows
--   agent, agent_version, model       who was asked
--   input_tokens, cached_tokens, output_tokens, reasoning_tokens, usd
--                                     what it used; input_tokens includes cached_tokens
--   estimated                         1 where nobody could say what was used, and the reserve was charged
--   latency_ms                        from sending to the end of the answer
--   attempts                          the how-manieth request of this step it is, from 1
--   exit_status                       'success', 'semantic failure' (an answer that could not be used) or 'exception'
--   input_schema_version              names the version of the shape that the answer was to have
--   started_at                        milliseconds since 1970
create view calls as
select
  run as run_id,
  place as step,
  agent,
  agent_version,
  model,
  input_tokens,
  cached_tokens,
  output_tokens,
  reasoning_tokens,
  usd / 1000000000.0 as usd,
  estimated,
  ms as latency_ms,
  row_number() over (partition by run, generation, place order by id) as attempts,
  case
    when result = 'ok' then 'success'
    when result = 'bad' or error_kind = 'semantic' then 'semantic failure'
    else 'exception'
  end as exit_status,
  shape_version as input_schema_version,
  at as started_at
from attempts
where state = 'settled';
`,
  FORMAT_2,
  FORMAT_CONTROL,
  FORMAT_FORKS,
  FORMAT_APPROVALS,
  FORMAT_DEAD,
  FORMAT_LANES,
  FORMAT_DIALOGUES,
  FORMAT_MEMORY,
  FORMAT_AGENTS,
  FORMAT_UNDO,
  FORMAT_ALERTS,
  FORMAT_SHARES,
  FORMAT_MATERIAL,
];

/** The triggers that hold runs to the table of legal changes, as SQLite says them. */
export const SQLITE_TRIGGERS = `
create trigger runs_begin before insert on runs
when new.status <> 'queued'
begin
  select raise(abort, 'illegal change of status: a run begins queued');
end;
create trigger runs_change before update of status on runs
when new.status <> old.status
  and not exists (select 1 from status_changes where before = old.status and after = new.status)
begin
  select raise(abort, 'illegal change of status');
end;
`;
