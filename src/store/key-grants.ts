/** A test in SQL whether a JSON list of keys, exact or with `*` at their end, allows what a column holds. */
export const keyAllowed = (column: string, list: string): string => `exists (
  select 1 from json_each(${list}) as may
  where ${column} = may.value
    or (substr(may.value, length(may.value), 1) = '*'
      and substr(${column}, 1, length(may.value) - 1) = substr(may.value, 1, length(may.value) - 1)))`;
