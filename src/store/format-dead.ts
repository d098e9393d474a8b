/** A column for dead letters that nobody wants any more. */
export const FORMAT_DEAD = `
-- When a dead run was dropped: it is kept, and no dead letter any more.
alter table runs add column dropped_at bigint;
`;
