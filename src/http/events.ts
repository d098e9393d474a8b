import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { misfits } from "../core/check.ts";
import { type Code, Failure } from "../core/errors.ts";
import { BatonEvent, checkSource, receipt } from "../core/event.ts";
import type { Log } from "../core/log.ts";
import type { RunStore } from "../core/store.ts";
import type { Env } from "./reader.ts";

export interface EventsOptions {
  readonly store: Pick<RunStore, "publish">;
  readonly log: Log;
  /** The most bytes that one request may have. */
  readonly most: number;
  readonly readOnly: boolean;
}

const MOST_EVENTS = 1000;
const DEEPEST = 64;
const ONE = ["application/cloudevents+json", "application/json"];
const BATCH = "application/cloudevents-batch+json";
/** Attributes that others may add to an event; they are named in the answer, and not kept. */
const EXTENSION = /^[a-z0-9]{1,50}$/;

const STATUS: Partial<Record<Code, 400 | 403 | 409 | 413 | 415>> = {
  INVALID_INPUT: 400,
  BAD_REQUEST: 415,
  FORBIDDEN: 403,
  KEY_REUSED: 409,
  TOO_LARGE: 413,
};

/** Adds `POST /events`: takes events in structured CloudEvents JSON, one or a batch. */
export function addEvents(app: Hono<Env>, { store, log, most, readOnly }: EventsOptions): void {
  const tooLarge = new Failure("TOO_LARGE", `an event, or a batch of them, has at most ${most} bytes`, {
    hint: "Publish where the data is, not the data. The setting is limits.input_bytes.",
  });
  const limit = bodyLimit({ maxSize: most, onError: (c) => refusal(c, tooLarge) });
  app.post("/events", limit, async (c) => {
    try {
      if (readOnly) throw new Failure("FORBIDDEN", "this server is read-only: it takes no events");
      const { events, isBatch } = await taken(c);
      // Handed in together, they become durable together, in this order.
      const told = await Promise.all(events.map((event) => published(event, store, c.get("caller"))));
      const status = told.find(({ status }) => status !== 202)?.status ?? 202;
      const answers = told.map(({ answer }) => answer);
      return c.json(isBatch ? { events: answers } : (answers[0] ?? {}), status);
    } catch (error) {
      const failure = Failure.from(error);
      if (failure.code === "BUG") log.error({ path: "/events", err: error }, "an event could not be taken");
      return refusal(c, failure);
    }
  });
  app.all("/events", (c) => {
    c.header("allow", "POST");
    return c.json({ error: "events are sent here with POST" }, 405);
  });
}

interface Taken {
  readonly event: BatonEvent;
  readonly ignored: readonly string[];
}

/** Reads all before anything is published. */
async function taken(c: Context<Env>): Promise<{ events: readonly Taken[]; isBatch: boolean }> {
  const [type = ""] = (c.req.header("content-type") ?? "").toLowerCase().split(";", 1);
  const isBatch = type.trim() === BATCH;
  if (!isBatch && !ONE.includes(type.trim()))
    throw new Failure(
      "BAD_REQUEST",
      `events are taken as ${[...ONE, BATCH].join(", ")}, and not as ${type || "nothing"}`,
    );
  const body = parsed(await c.req.text());
  if (!isBatch) return { events: [eventOf(body, "the event")], isBatch };
  if (!Array.isArray(body) || body.length > MOST_EVENTS)
    throw new Failure("INVALID_INPUT", `a batch is a list of at most ${MOST_EVENTS} events`);
  return { events: body.map((one, i) => eventOf(one, `event ${i}`)), isBatch };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure("INVALID_INPUT", `the body is no JSON: ${error instanceof Error ? error.message : "unreadable"}`);
  }
}

function checkDepth(value: unknown, what: string, left = DEEPEST): void {
  if (typeof value !== "object" || value === null) return;
  if (left === 0) throw new Failure("INVALID_INPUT", `${what} is nested deeper than ${DEEPEST} levels`);
  for (const inner of Object.values(value)) checkDepth(inner, what, left - 1);
}

const EXAMPLE = '{"specversion":"1.0","id":"1","source":"/shop","type":"order.paid","data":{"order":7}}';

function eventOf(body: unknown, what: string): Taken {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new Failure("INVALID_INPUT", `${what} is no JSON object`, { hint: `Send one such as ${EXAMPLE}` });
  checkDepth(body, what);
  const entries = Object.entries(body);
  const ignored = entries.map(([name]) => name).filter((name) => !(name in BatonEvent.shape) && EXTENSION.test(name));
  if ("data_base64" in body)
    throw new Failure("INVALID_INPUT", `${what}: \`data_base64\` is not read; send JSON in \`data\``);
  const own = {
    time: new Date().toISOString(),
    ...Object.fromEntries(entries.filter(([name]) => !ignored.includes(name))),
  };
  const read = BatonEvent.safeParse(own);
  if (!read.success) {
    const wrong = misfits(BatonEvent, own).map(({ path, message }) => `\`${path.join(".")}\`: ${message}`);
    throw new Failure("INVALID_INPUT", `${what}: ${wrong.join("; ")}`, { hint: `Send one such as ${EXAMPLE}` });
  }
  checkSource(read.data);
  return { event: read.data, ignored };
}

async function published({ event, ignored }: Taken, store: EventsOptions["store"], caller: string) {
  try {
    const answer = receipt(await store.publish(event, caller));
    return { status: 202 as const, answer: { ...answer, ...(ignored.length > 0 && { ignored }) } };
  } catch (error) {
    const failure = Failure.from(error);
    return { status: statusOf(failure), answer: answerOf(failure) };
  }
}

const statusOf = ({ code }: Failure) => STATUS[code] ?? (503 as const);

const answerOf = ({ code, message, options: { hint } }: Failure) => ({
  error: { code, message, ...(hint !== undefined && { hint }) },
});

const refusal = (c: Context, failure: Failure): Response => c.json(answerOf(failure), statusOf(failure));
