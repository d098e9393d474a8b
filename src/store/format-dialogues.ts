/** Columns for agents with tools. */
export const FORMAT_DIALOGUES = `
-- What the model wanted done, where that was its reply.
alter table attempts add column uses text;
`;
