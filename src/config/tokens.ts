/** Reads `name:token` pairs, separated by commas or white space, into names by token. No token is ever repeated in a message. */
export function readTokens(text: string): { tokens: ReadonlyMap<string, string>; problems: string[] } {
  const tokens = new Map<string, string>();
  const problems: string[] = [];
  for (const [i, pair] of text
    .split(/[\s,]+/)
    .filter(Boolean)
    .entries()) {
    const [, name, token] = /^([\p{L}\p{N}._-]{1,64}):(.+)$/u.exec(pair) ?? [];
    if (name === undefined || token === undefined) problems.push(`pair ${i + 1} is not name:token`);
    else if ((tokens.get(token) ?? name) !== name) problems.push(`pair ${i + 1} has the token of another name`);
    else tokens.set(token, name);
  }
  return { tokens, problems };
}
