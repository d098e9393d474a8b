import type { FailureInfo } from "../core/errors.ts";
import { OWN_SOURCE } from "../core/event.ts";
import { textHash } from "../core/fingerprint.ts";
import type { Line, Wait } from "../core/store.ts";
import { putOut } from "./outbox.ts";
import { first, int, maybeText, type Row, sql, type Tx, text } from "./statement.ts";
import { tellUndone, undoAfterCatastrophe } from "./undone.ts";

/** A run that was started by an event bears the event's number and the subscription in its idempotency key. */
const STARTED_BY = /^event\/(\d+)\/(.+)$/s;
const LONGEST_PLACE = 100;

const ENDS = ["succeeded", "failed", "cancelled", "dead"];
const ASKED: readonly Wait["kind"][] = ["approval", "answer", "budget"];
const NO_STEPS: readonly Line["kind"][] = ["join", "time", "wait", "run"];

/** Is this line told to others? */
export const isFailedStep = ({ kind, state, reused }: Line): boolean =>
  state === "failed" && !reused && !NO_STEPS.includes(kind);

/** Is somebody asked by this wait? */
export const asksSomebody = ({ kind }: Pick<Wait, "kind">): boolean => ASKED.includes(kind);

/** Says that a run has ended, and so has the delivery that began it. What it did is taken back after a catastrophe. */
export function* announceEnd(run: Row, error: FailureInfo | undefined, now: number): Tx<void> {
  const status = text(run, "status");
  if (!ENDS.includes(status)) return;
  const id = text(run, "id");
  yield* tellUndone(run, error);
  if (status === "dead") yield* undoAfterCatastrophe(run, now);
  if (causeOf(run)) yield sql("update deliveries set state = 'done' where run = $1 and state = 'started'", id);
  const data = {
    status,
    ...(error && { error: { code: error.code, kind: error.kind, step: error.step } }),
    ...(status === "cancelled" && byOf(run)),
  };
  yield* announce(run, { type: `run.${status}`, name: status, data }, now);
}

/** Says that a step of a run has failed. */
export function* announceStep(run: string, { place, agent, error, generation }: Line, now: number): Tx<void> {
  const row = yield* runRow(run);
  const data = { step: place, agent, code: error?.code };
  if (row) yield* announce(row, { type: "step.failed", name: `failed/${short(place)}`, data, generation }, now);
}

type Asking = Pick<Wait, "place" | "kind" | "generation" | "approval" | "expires_at" | "opened_at" | "terms">;

/** What is told of a wait for somebody, and how the event's id names it. */
const ASKING = {
  "approval.requested": "asked",
  "approval.escalated": "escalated",
  "approval.expiring": "expiring",
} as const;

/** Says that a run waits for somebody, that it has waited for them too long, or that their time is nearly over. */
export function* announceAsk(
  run: string,
  wait: Asking,
  now: number,
  type: keyof typeof ASKING = "approval.requested",
): Tx<void> {
  const { place, kind, approval, expires_at, generation, opened_at, terms = {} } = wait;
  const row = yield* runRow(run);
  const isAgain = type !== "approval.requested";
  const data = {
    step: place,
    kind,
    approval,
    ...(expires_at !== undefined && { until: iso(expires_at) }),
    ...(terms.action && { action: terms.action.name }),
    ...(terms.high_risk && { high_risk: true }),
    ...(terms.approvers && { approvers: terms.approvers }),
    ...(isAgain && { since: iso(opened_at), note: terms.escalate?.note }),
    ...(type === "approval.expiring" && terms.default && { default: terms.default.how }),
  };
  const name = `${ASKING[type]}/${short(place)}/${opened_at}`;
  if (row) yield* announce(row, { type, name, data, generation }, now);
}

/** Says once that a run costs far more than its like. */
export function* announceCost(run: string, data: object, now: number): Tx<void> {
  const row = yield* runRow(run);
  if (row) yield* announce(row, { type: "run.costly", name: "costly", data, once: true }, now);
}

/** Says that an event will not reach a subscription any more. */
export function* announceDeadLetter(delivery: Row, event: Row, error: string, now: number): Tx<void> {
  const subscription = text(delivery, "subscription");
  const { id, source, type } = event;
  yield* insertEvent(
    {
      caller: text(event, "caller"),
      source: OWN_SOURCE,
      id: `delivery/${int(event, "number")}/${subscription}/dead/${now}`,
      type: "delivery.dead",
      time: iso(now),
      subject: subscription,
      correlation: maybeText(event, "correlation"),
      data: JSON.stringify({ subscription, event: { id, source, type }, error }),
      print: "",
      chain: [...(JSON.parse(text(event, "chain")) as string[]), subscription],
    },
    now,
  );
}

interface News {
  readonly type: string;
  /** What follows the run and its generation in the event's id. */
  readonly name: string;
  readonly data: object;
  readonly generation?: number;
  /** In all generations. */
  readonly once?: boolean;
}

function* announce(run: Row, news: News, now: number): Tx<void> {
  const { type, name, data, generation = int(run, "generation"), once } = news;
  const id = text(run, "id");
  const about = { run_id: id, pattern: text(run, "pattern"), generation, labels: labelsOf(run) };
  yield* insertEvent(
    {
      caller: text(run, "caller"),
      source: OWN_SOURCE,
      id: once ? `${id}/${name}` : `${id}/${generation}/${name}`,
      type,
      time: iso(now),
      subject: id,
      correlation: id,
      data: JSON.stringify({ ...about, ...data }),
      print: "",
      chain: yield* chainOf(run),
    },
    now,
  );
}

/** Who has done to a run what has been done to it last. */
function byOf(run: Row): { readonly by?: string } {
  const control = maybeText(run, "control");
  return control === undefined ? {} : { by: (JSON.parse(control) as { readonly by: string }).by };
}

/** A run whose row is damaged must still be able to end. */
function labelsOf(run: Row): unknown {
  try {
    return JSON.parse(text(run, "labels"));
  } catch {
    return [];
  }
}

/** The number of the last event there is. */
export function* lastNumber(): Tx<number> {
  const row = yield* first(sql("select coalesce(max(number), 0) as last from events"));
  return row ? int(row, "last") : 0;
}

export interface NewEvent {
  readonly caller: string;
  readonly source: string;
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly subject: string | undefined;
  readonly correlation: string | undefined;
  /** The cell that holds its data. */
  readonly data: string | null;
  readonly print: string;
  readonly chain: readonly string[];
}

/** Writes an event, unless it was written before. It is told before its transaction ends. */
export function* insertEvent(event: NewEvent, now: number): Tx<Row | undefined> {
  const row = yield* first(
    sql(
      `insert into events (number, caller, source, id, type, time, subject, correlation, data, print, chain, at)
       values ((select coalesce(max(number), 0) + 1 from events), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
       on conflict (caller, source, id) do nothing returning *`,
      event.caller,
      event.source,
      event.id,
      event.type,
      event.time,
      event.subject ?? null,
      event.correlation ?? null,
      event.data,
      event.print,
      JSON.stringify(event.chain),
      now,
    ),
  );
  if (row) yield* putOut(row, now);
  return row;
}

const runRow = (id: string): Tx<Row | undefined> =>
  first(sql("select id, caller, pattern, labels, generation, idempotency_key, undoes from runs where id = $1", id));

/** The subscriptions that have led to a run, the nearest last: to one that takes deeds back, those of who did them. */
function* chainOf(run: Row): Tx<readonly string[]> {
  const source = maybeText(run, "undoes");
  const doer = source === undefined ? undefined : yield* runRow(source);
  if (doer) return yield* chainOf(doer);
  const cause = causeOf(run);
  if (!cause) return [];
  const event = yield* first(sql("select chain from events where number = $1", cause.event));
  return [...(event ? (JSON.parse(text(event, "chain")) as string[]) : []), cause.subscription];
}

/** Which event has begun a run, and by which subscription. */
function causeOf(run: Row): { readonly event: number; readonly subscription: string } | undefined {
  const [, number, subscription] = STARTED_BY.exec(maybeText(run, "idempotency_key") ?? "") ?? [];
  return subscription === undefined ? undefined : { event: Number(number), subscription };
}

const short = (place: string): string => (place.length > LONGEST_PLACE ? textHash(place) : place);

const iso = (ms: number): string => new Date(ms).toISOString();
