import { asText } from "../../core/texts.ts";

/** A request with its headers as texts: an expression may give a number there. */
export function withTexts({ headers, ...request }: Record<string, unknown>): Record<string, unknown> {
  if (headers === undefined) return request;
  const texts = Object.entries(headers as object).map(([name, value]) => [name, asText(value)]);
  return { ...request, headers: Object.fromEntries(texts) };
}
