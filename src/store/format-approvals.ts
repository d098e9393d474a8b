/** Columns for approvals. Never changed once released. */
export const FORMAT_APPROVALS = `
-- What a decision is held to, as JSON: action, definition, high_risk, self, choices, schema, default, escalate.
alter table waits add column terms text;
-- When it is told again that somebody is waited for, and when it was.
alter table waits add column escalate_at bigint;
alter table waits add column escalated_at bigint;
create index waits_escalation on waits (escalate_at) where state = 'open' and escalated_at is null;
`;
