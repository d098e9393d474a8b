import { compileExpression } from "./expression.ts";
import { compileTemplate } from "./template.ts";

/** Nothing is put into the text, and it tells no value. */
export const isLiteral = (written: string): boolean => !/^\s*=|\{\{|\{%/.test(written);

/** A value with its texts filled in: each is Liquid or, where it begins with `=`, CEL. Throws where a value is missing. */
export function filledIn(written: unknown, values: Readonly<Record<string, unknown>>): unknown {
  if (typeof written === "string") return filledText(written, values);
  if (typeof written !== "object" || written === null) return written;
  if (Array.isArray(written)) return written.map((item) => filledIn(item, values));
  return Object.fromEntries(Object.entries(written).map(([key, value]) => [key, filledIn(value, values)]));
}

function filledText(written: string, values: Readonly<Record<string, unknown>>): unknown {
  if (isLiteral(written)) return written;
  const variables = Object.keys(values);
  const [, cel] = /^\s*=\s*(.*)$/s.exec(written) ?? [];
  if (cel !== undefined) return compileExpression(cel, variables).value(values);
  return compileTemplate(written, variables).render(values);
}
