/** What leads from format 1 to format 2: events, their deliveries, and waits for them. Never changed once released. */
export const FORMAT_2 = `
-- What happened, in the order of publishing. The same source and id of one caller is the same event.
create table events (
  number bigint primary key,
  caller text not null,
  source text not null,
  id text not null,
  type text not null,
  time text not null,
  subject text,
  correlation text,
  data text,
  -- The hash of what it says, so that the same id with other content is refused.
  print text not null,
  -- The subscriptions whose runs have led to it, as JSON.
  chain text not null,
  at bigint not null
);
create unique index events_id on events (caller, source, id);
create index events_type on events (caller, type, number);

-- Each event on its way to each subscription that it fits.
create table deliveries (
  subscription text not null,
  event bigint not null,
  caller text not null,
  lane text,
  state text not null,
  tries bigint not null default 0,
  due_at bigint not null,
  run text,
  error text,
  primary key (subscription, event)
) without rowid;
create index deliveries_event on deliveries (event);
create index deliveries_due on deliveries (subscription, due_at) where state = 'due';
create index deliveries_lane on deliveries (subscription, caller, lane, event)
  where state in ('due', 'started') and lane is not null;
create index deliveries_run on deliveries (run) where state = 'started';

alter table waits add column event_type text;
alter table waits add column event_where text;
alter table waits add column event_correlation text;
-- The event that has answered it.
alter table waits add column event_number bigint;
create index waits_event on waits (event_type) where kind = 'event' and state = 'open';

-- The number of the last event before a run began: what came later may answer it.
alter table runs add column events_before bigint;
`;
