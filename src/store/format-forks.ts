/** Columns for forks: what differs from the source, and which lines are its. */
export const FORMAT_FORKS = `
-- How a fork differs from its source_run, as JSON.
alter table runs add column fork text;
create index runs_source on runs (source_run) where source_run is not null;

-- A fork has taken it from its source, at no cost of its own.
alter table lines add column reused bigint not null default 0;
`;
