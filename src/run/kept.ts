/** A value as the journal would give it back: plain JSON, well-formed text, frozen. Live and replay tell the same. */
export function kept<T>(value: T): T {
  if (value === undefined) return value;
  return frozen(JSON.parse(JSON.stringify(value)));
}

export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}
