/** May a key be used by who is given these: exactly, or by a beginning that ends in `*`? */
export const mayUse = (given: readonly string[], key: string): boolean =>
  given.some((pattern) => (pattern.endsWith("*") ? key.startsWith(pattern.slice(0, -1)) : pattern === key));
