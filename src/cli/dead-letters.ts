import { momentOf } from "../core/ago.ts";
import { Failure } from "../core/errors.ts";
import type { Delivery } from "../core/event.ts";
import { aboutRun } from "../core/record.ts";
import { redactText } from "../core/redact.ts";
import type { Run, RunStore } from "../core/store.ts";

/** What is left of something that could go on no more: a run, or an event's delivery that never became one. */
export type Letter = {
  readonly id: string;
  readonly code: string;
  /** When it died. */
  readonly at: number;
} & ({ readonly run: Run } | { readonly delivery: Delivery });

/** Which letters are meant; all that is said must hold. */
export interface Which {
  readonly code?: string;
  readonly since?: string;
  readonly pattern?: string;
  readonly label?: string;
}

const PAGE = 200;
const MOST_DELIVERIES = 10_000;

/** The dead letters that are meant, whoever called for them, the latest first. */
export async function lettersOf(store: RunStore, which: Which, now: number): Promise<readonly Letter[]> {
  const { code, since, pattern, label } = which;
  const from = since === undefined ? 0 : momentOf(since, now);
  if (Number.isNaN(from))
    throw new Failure("INVALID_INPUT", `--since: ${JSON.stringify(since)} is no time`, {
      hint: "Such as 2h, 7d or 2026-11-01T00:00:00Z.",
    });
  const runs = (await deadRuns(store, which)).map(runLetter);
  // A delivery has neither a pattern nor labels.
  const others = pattern === undefined && label === undefined ? await deadDeliveries(store) : [];
  return [...runs, ...others]
    .filter((letter) => letter.at >= from && (code === undefined || letter.code === code))
    .toSorted((a, b) => b.at - a.at);
}

async function deadRuns(store: RunStore, { pattern, label }: Which): Promise<readonly Run[]> {
  const found: Run[] = [];
  const filter = { status: ["dead"], ...(pattern && { pattern }), ...(label && { label }), limit: PAGE } as const;
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await store.list({ ...filter, ...(cursor !== undefined && { cursor }) });
    found.push(...page.runs.filter(({ dropped_at }) => dropped_at === undefined));
    cursor = page.next;
  }
  return found;
}

async function deadDeliveries(store: RunStore): Promise<readonly Letter[]> {
  return (await store.deliveries({ state: "dead", limit: MOST_DELIVERIES })).map(deliveryLetter);
}

const runLetter = (run: Run): Letter => ({
  id: run.id,
  code: run.error?.code ?? "",
  at: run.ended_at ?? run.created_at,
  run,
});

const deliveryLetter = (delivery: Delivery): Letter => ({
  id: `${delivery.subscription}#${delivery.event.number}`,
  code: delivery.error?.split(":", 1)[0] ?? "",
  at: delivery.due_at,
  delivery,
});

/** The letter of an id, which must be there. */
export async function letterOf(store: RunStore, id: string): Promise<Letter> {
  const run = await store.get(id);
  if (run && run.status !== "dead")
    throw new Failure("INVALID_INPUT", `run ${id} is ${run.status}, not dead`, {
      hint: "baton trace tells what it did.",
    });
  if (run) return runLetter(run);
  const letter = (await deadDeliveries(store)).find((one) => one.id === id);
  if (letter) return letter;
  throw new Failure("NOT_FOUND", `there is no dead letter ${JSON.stringify(id)}`, {
    hint: "baton dead list shows them.",
  });
}

/** Lets it go on, or puts it away for good; what became of it, in a sentence. */
export async function settled(store: RunStore, letter: Letter, how: "requeue" | "drop"): Promise<string> {
  const { id } = letter;
  if ("delivery" in letter) {
    const done = await store.settleDead(letter.delivery, how === "requeue" ? "again" : "drop");
    if (!done) return `${id} is no dead letter any more.`;
    return how === "requeue" ? `${id} is due again.` : `${id} is dropped.`;
  }
  if (how === "drop") {
    await store.drop(id);
    return `${id} is dropped: it stays in the history, and is no dead letter any more.`;
  }
  try {
    await store.again(id, "dead");
  } catch (error) {
    const { code, message, options } = Failure.from(error);
    if (code !== "ILLEGAL_CHANGE") throw error;
    return `${id} is not queued again: ${message}. ${options.hint ?? ""}`.trim();
  }
  return `${id} is queued again, from its failed step: what was paid for is kept.`;
}

/** A letter in one line. */
export function lineOf({ id, code, at, ...letter }: Letter): string {
  const about =
    "run" in letter ? [letter.run.pattern, ...letter.run.labels, aboutRun(letter.run)] : wordsOf(letter.delivery);
  return redactText([id, code, new Date(at).toISOString(), ...about].filter(Boolean).join(" · "));
}

const wordsOf = ({ event, tries }: Delivery): string[] => [`event ${event.type}`, `${tries} tries`];

/** A letter as data. */
export const rowOf = ({ id, code, at, ...letter }: Letter) => ({
  id,
  code,
  at: new Date(at).toISOString(),
  ...("run" in letter
    ? { kind: "run", pattern: letter.run.pattern, labels: letter.run.labels, error: letter.run.error }
    : { kind: "delivery", subscription: letter.delivery.subscription, error: letter.delivery.error }),
});
