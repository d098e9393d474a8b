/** What is remembered beyond runs, version by version. The words of it are found by what each driver has for that. */
export const FORMAT_MEMORY = `
create table memories (
  -- Names one version, for whoever finds its words.
  number bigint primary key,
  caller text not null,
  key text not null,
  version bigint not null,
  latest bigint not null,
  -- 'kept', 'forgotten' (there is nothing from here on) or 'erased' (its contents are gone).
  state text not null,
  -- JSON, here and nowhere else, so that what is erased is gone.
  value text,
  bytes bigint not null,
  run text,
  place text,
  agent text,
  -- Names the deed that wrote it, so that it is done once.
  once text,
  at bigint not null,
  expires_at bigint
);
create unique index memories_version on memories (caller, key, version);
create unique index memories_latest on memories (caller, key) where latest = 1;
create unique index memories_once on memories (caller, once) where once is not null;
create index memories_size on memories (caller, bytes);
create index memories_expiry on memories (expires_at) where expires_at is not null;
`;
