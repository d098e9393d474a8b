/** What marks in a run's input stand for: files, by the hash of their base64 among the texts, and texts to be shortened. */
export const FORMAT_MATERIAL = `
alter table runs add column material text;
`;
