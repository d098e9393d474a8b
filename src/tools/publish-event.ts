import { z } from "zod";
import { BatonEvent, checkSource, receipt } from "../core/event.ts";
import { checkArguments } from "./arguments.ts";
import { textOf } from "./fit.ts";
import { simpleTool } from "./simple-tool.ts";
import { type Setting, STARTS, type Tool } from "./tool.ts";
import { lazily, outputSchema } from "./wire.ts";

const Input = z.strictObject({
  type: z.string().describe("such as order.paid"),
  payload: z.unknown(),
  correlation_id: z.string().optional().describe("events of one are handled in order"),
  id: z.string().optional().describe("same id and source: same event"),
  source: z.string().optional(),
  subject: z.string().optional(),
});

const { type, id, source, subject, correlationid } = BatonEvent.shape;
/** What these words must be; a menu need not say it. */
const Words = z.object({ type, id: id.optional(), source: source.optional(), subject, correlation_id: correlationid });

const Output = z.object({
  event: z.object({ id: z.string(), source: z.string(), type: z.string(), time: z.string() }).optional(),
  existed: z.boolean().optional(),
  deliveries: z.number().optional().describe("subscriptions it goes to"),
  woke: z.array(z.string()).optional().describe("runs that waited for it"),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
});
const OUTPUT_SCHEMA = lazily(() => outputSchema(Output));

/** Where an event comes from that a client of the tools publishes and names no source. */
const USUAL_SOURCE = "mcp";

/** Puts an event on the bus. */
export const publishEvent = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "publish_event",
      title: "Publish an event",
      description:
        "Tell Baton that something has happened: subscribed agents and workflows start, runs that wait for it go on. " +
        "Not to start a run of your choice (run_agent, run_workflow) or to answer a person's question (decide).",
      input: Input,
      outputSchema: OUTPUT_SCHEMA,
      hints: STARTS,
      async answer(input, { store }, { caller }) {
        const { type, payload, correlation_id, id, source = USUAL_SOURCE, subject } = input;
        checkArguments("publish_event", Words, input);
        checkSource({ source });
        const event: BatonEvent = {
          specversion: "1.0",
          id: id ?? crypto.randomUUID(),
          source,
          type,
          time: new Date().toISOString(),
          data: payload ?? null,
          ...(subject !== undefined && { subject }),
          ...(correlation_id !== undefined && { correlationid: correlation_id }),
        };
        const data = receipt(await store.publish(event, caller));
        return { data, text: textOf(data), isError: false };
      },
    },
    setting,
  );
