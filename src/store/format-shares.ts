/** Who tries somebody again whose breaker was open: the request that was let through, for all processes. */
export const FORMAT_SHARES = `
alter table doors add column probe_run text;
alter table doors add column probe_attempt bigint;
`;
