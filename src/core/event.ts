import { z } from "zod";
import type { Notice } from "./alert.ts";
import { Failure } from "./errors.ts";

/** Words of an envelope: no control characters, no halves of characters. */
const words = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, "it has characters that are no text");

/** Something that happened, in the shape of CloudEvents 1.0. */
export const BatonEvent = z.strictObject({
  specversion: z.literal("1.0").default("1.0"),
  /** With its source it names the event; the same pair is the same event. */
  id: words(200),
  source: words(500),
  type: words(200),
  time: z.iso.datetime({ offset: true }),
  subject: words(500).optional(),
  /** Events of one correlation are delivered one after another. */
  correlationid: words(200).optional(),
  datacontenttype: z.literal("application/json").optional(),
  data: z.unknown(),
});
export type BatonEvent = z.output<typeof BatonEvent>;

/** Which events are meant: a type (a trailing `*` stands for any ending), and what must hold of them. */
export interface EventFilter {
  readonly type: string;
  /** A condition in CEL over `event`. */
  readonly where?: string;
  readonly correlation_id?: string;
}

/** Does the type of an event fit the type of a filter? */
export const fitsType = (type: string, wanted: string): boolean =>
  wanted.endsWith("*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted;

/** An event as the store keeps it: with its caller, and its number in the order of publishing. */
export interface StoredEvent extends BatonEvent {
  readonly caller: string;
  readonly number: number;
}

/** Whoever wants to be started by events: a saved workflow or an agent. */
export interface Subscription {
  /** Unlike that of every other one; deliveries are counted under it. */
  readonly name: string;
  readonly on: EventFilter;
  /** The workflow or agent that is run. */
  readonly run: string;
  /** Its inputs: templates over `event`. Absent: the event is the input named `event`, or an agent's task. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly attempts?: number;
}

/** What a subscription is called that has no name of its own. */
export const usualName = (run: string, { type }: Pick<EventFilter, "type">): string => `${run}:${type}`;

/** One event on its way to one subscription. */
export interface Delivery {
  readonly subscription: string;
  readonly event: StoredEvent;
  /** `due`, begun as a run, done once that run has ended, or dead after its last try, until somebody drops it. */
  readonly state: "due" | "started" | "done" | "dead" | "dropped";
  readonly tries: number;
  readonly due_at: number;
  readonly run?: string;
  readonly error?: string;
}

/** The source of Baton's own events; nobody else may publish under it. */
export const OWN_SOURCE = "baton";

/** Throws where somebody else speaks in Baton's name. */
export function checkSource({ source }: Pick<BatonEvent, "source">): void {
  if (source !== OWN_SOURCE) return;
  throw new Failure("FORBIDDEN", `the source ${JSON.stringify(OWN_SOURCE)} is that of Baton's own events`, {
    hint: "Name the system that the event comes from, such as /shop/orders.",
  });
}

/** An event as others are told it: in the shape of CloudEvents, without what only the store knows. */
export function told({ caller: _, number: __, ...event }: StoredEvent): BatonEvent {
  return event;
}

/** What came of publishing an event. */
export interface Published {
  readonly event: StoredEvent;
  /** The same event had been published before; nothing that was done is done again. */
  readonly existed: boolean;
  /** To how many subscriptions it goes. */
  readonly deliveries: number;
  /** The runs that it has woken. */
  readonly woke: readonly string[];
}

/** What whoever has published an event is answered. */
export const receipt = ({ event, existed, deliveries, woke }: Published) => ({
  event: { id: event.id, source: event.source, type: event.type, time: event.time },
  ...(existed && { existed }),
  deliveries,
  woke,
});

export interface DeliveryFilter {
  readonly caller?: string;
  readonly state?: Delivery["state"];
  readonly subscription?: string;
  readonly limit: number;
}

/** How a delivery that could not begin goes on: after a pause, counted as a try or not, or not any more. */
export type Missed =
  | { readonly next: "again"; readonly after_ms: number; readonly counted: boolean; readonly error: string }
  | { readonly next: "never"; readonly error: string };

/** What the events of a commit have done. */
export interface BusNews {
  /** Runs that an event they waited for has reached. */
  readonly woke: readonly string[];
  /** Deliveries may be due. */
  readonly due: boolean;
}

/** What a breaker has done, and after which failures. */
export interface BreakerNews {
  readonly state: "opened" | "closed";
  readonly subject: string;
  readonly failures?: number;
  readonly last?: string | undefined;
}

/** Where events and their deliveries live. */
export interface EventStore {
  /**
   * Writes an event, its deliveries, and the answers to those who wait for it, all in one. The same source and id
   * again, from the same caller, is the same event: only what was given up of it is tried anew. Fails with KEY_REUSED
   * where it says something else.
   */
  publish(event: BatonEvent, caller: string): Promise<Published>;
  /** The latest first. */
  deliveries(filter: DeliveryFilter): Promise<readonly Delivery[]>;
  /**
   * What is due now of these subscriptions, the oldest event first: of one correlation only what nothing before it
   * holds up. `next` is when something that waits out a pause is due.
   */
  due(
    subscriptions: readonly string[],
    limit: number,
  ): Promise<{ readonly due: readonly Delivery[]; readonly next?: number }>;
  /** A delivery has become this run; it is done once that has ended. */
  delivered(delivery: Delivery, run: string): Promise<void>;
  /** A delivery could not begin. What another process has done with it meanwhile stands. */
  missed(delivery: Delivery, how: Missed): Promise<void>;
  /** A dead delivery is due again, or dropped; false where it is not dead any more. */
  settleDead(delivery: Pick<Delivery, "subscription" | "event">, how: "again" | "drop"): Promise<boolean>;
  /** When something is due to be told to people; in the past where it is due. */
  nextAlert(): Promise<number | undefined>;
  /** Takes the alerts that no process has taken yet, and addresses them to these webhooks. */
  takeAlerts(
    to: readonly { readonly url: string; readonly on?: readonly string[] | undefined }[],
  ): Promise<readonly StoredEvent[]>;
  /** Takes what is due for webhooks, each for one process at a time. */
  takeNotices(limit: number, leaseMs: number): Promise<readonly Notice[]>;
  /** A webhook was told, or is not to be told any more; else it is told again after so long. */
  settleNotice(notice: Notice, againMs?: number): Promise<void>;
  /** Told after each commit of this process in which an event did something. */
  onBus(listener: (news: BusNews) => void): () => void;
}
