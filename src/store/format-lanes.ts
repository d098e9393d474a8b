/** What processes on one file share of their providers: calls in flight, turns a minute, and who is to be left alone. */
export const FORMAT_LANES = `
create index attempts_held on attempts (model) where state = 'held';

-- Who has calls that wait for a provider, until when that holds.
create table wants (
  provider text not null,
  worker text not null,
  until bigint not null,
  primary key (provider, worker)
) without rowid;

-- Requests and tokens of the last minute, by the second; only of providers that have a limit.
create table turns (
  provider text not null,
  second bigint not null,
  requests bigint not null,
  tokens bigint not null,
  primary key (provider, second)
) without rowid;

-- Who is to be left alone until when: a breaker that is open, or a provider that has asked for it.
create table doors (
  subject text not null,
  kind text not null,
  until bigint not null,
  failures bigint not null,
  last text,
  worker text not null,
  primary key (subject, kind)
) without rowid;
`;
