/** Columns for what runs did and is taken back. Never changed once released. */
export const FORMAT_UNDO = `
-- The run whose deeds this one takes back.
alter table runs add column undoes text;
create index runs_undoes on runs (undoes) where undoes is not null;

-- How often what was done at a place was taken back, to be done again: JSON, by place.
alter table runs add column redone text;
`;
