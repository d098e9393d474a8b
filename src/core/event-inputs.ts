import type { StoredEvent } from "./event.ts";
import { type BatonEvent, type Subscription, told } from "./event.ts";
import { compileExpression } from "./expression.ts";
import { compileTemplate } from "./template.ts";

type Fill = (values: { readonly event: BatonEvent }) => unknown;

export type EventInputs = (event: StoredEvent) => Readonly<Record<string, unknown>>;

/**
 * Reads the inputs that a subscription gives to what it runs: texts are templates over `event`, or CEL where they begin
 * with `=`. Throws INVALID_INPUT where one can never be filled in. In a prompt, what events say is marked as data.
 */
export function compileInputs(inputs: NonNullable<Subscription["inputs"]>, prompt = false): EventInputs {
  const fills = Object.entries(inputs).map(([name, value]) => [name, compile(value, prompt)] as const);
  return (stored) => {
    const values = { event: told(stored) };
    return Object.fromEntries(fills.map(([name, fill]) => [name, fill(values)]));
  };
}

function compile(value: unknown, prompt: boolean): Fill {
  if (typeof value === "string") return compileText(value, prompt);
  if (value === null || typeof value !== "object") return () => value;
  if (Array.isArray(value)) {
    const fills = value.map((item) => compile(item, prompt));
    return (values) => fills.map((fill) => fill(values));
  }
  const fills = Object.entries(value).map(([name, item]) => [name, compile(item, prompt)] as const);
  return (values) => Object.fromEntries(fills.map(([name, fill]) => [name, fill(values)]));
}

function compileText(text: string, prompt: boolean): Fill {
  if (text.startsWith("=")) {
    const expression = compileExpression(text.slice(1).trim(), ["event"]);
    return (values) => expression.value(values);
  }
  const template = compileTemplate(text, ["event"], { prompt, trusted: [] });
  return (values) => template.render(values);
}
