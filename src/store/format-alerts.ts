/** Columns for what people are told of before it is too late, and for who has stopped a run. */
export const FORMAT_ALERTS = `
-- Told as costly once it has cost more than so many nano-USD; null where nobody knows what is usual, or it was told.
alter table runs add column costly_over bigint;
-- What somebody has done to it last, as JSON: action, by, at.
alter table runs add column control text;

-- When it is told that a wait for somebody is about to expire, and when it was.
alter table waits add column warn_at bigint;
alter table waits add column warned_at bigint;
create index waits_warning on waits (warn_at) where state = 'open' and warned_at is null;
`;
