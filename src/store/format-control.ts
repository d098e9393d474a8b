/** Columns and tables for runs under control: who plays a run since when, and what has been switched off. */
export const FORMAT_CONTROL = `
alter table runs add column claimed_at bigint;

-- What kind of process a worker is, and since when it takes up nothing more.
alter table workers add column role text;
alter table workers add column leaving_at bigint;

-- Providers and agents that a person has switched off.
create table switches (
  subject text primary key,
  off_by text not null,
  off_at bigint not null
) without rowid;
`;
