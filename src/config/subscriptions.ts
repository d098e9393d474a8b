import { compileCondition } from "../core/condition.ts";
import { Failure } from "../core/errors.ts";
import { usualName } from "../core/event.ts";
import { compileInputs } from "../core/event-inputs.ts";
import type { SubscriptionSettings } from "../core/settings.ts";

type Wrong = readonly [path: readonly string[], message: string];

/** What is wrong in subscriptions that are well formed: conditions and inputs that cannot be read, names that stand twice. */
export function wrongSubscriptions(subscriptions: readonly SubscriptionSettings[]): Wrong[] {
  const names = subscriptions.map(({ name, run, on }) => name ?? usualName(run, on));
  return subscriptions.flatMap(({ on: { where }, inputs }, i): Wrong[] => {
    const at = (...path: string[]) => ["subscriptions", String(i), ...path];
    const condition = where === undefined ? undefined : complaint(() => compileCondition(where, ["event"]));
    const unfit = inputs && complaint(() => compileInputs(inputs));
    const isTwice = names.indexOf(names[i] ?? "") < i;
    return [
      ...(condition === undefined ? [] : [[at("on", "where"), condition] as const]),
      ...(unfit === undefined ? [] : [[at("inputs"), unfit] as const]),
      ...(isTwice
        ? [[at(), `another one is called ${JSON.stringify(names[i])} too: give it a \`name\``] as const]
        : []),
    ];
  });
}

function complaint(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return Failure.from(error).message;
  }
}
