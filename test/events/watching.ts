import { z } from "zod";
import { definePattern } from "../../src/core/pattern.ts";

/** Waits for an event, and tells which it was. */
export const awaitEvent = definePattern({
  name: "await_event",
  version: 1,
  title: "Await an event",
  description: "d",
  input: z.strictObject({ task: z.string(), type: z.string(), where: z.string().optional() }),
  output: z.unknown(),
  subject: "task",
  agents: () => [],
  run: (ctx, { type, where }) =>
    ctx.wait("event", { kind: "event", event: { type, ...(where !== undefined && { where }) } }),
});

/** Two branches at once: one asks a model, the other waits for an event. */
export const awaitBesides = definePattern({
  name: "await_besides",
  version: 1,
  title: "Await an event while something else is done",
  description: "d",
  input: z.strictObject({ task: z.string(), agent: z.string() }),
  output: z.unknown(),
  subject: "task",
  agents: ({ agent }) => [agent],
  run: (ctx, { task, agent }) =>
    ctx.map(["ask", "wait"], async (what, branch): Promise<unknown> => {
      if (what === "ask") return (await branch.call(agent, { prompt: task })).output;
      const told = await branch.wait("event", { kind: "event", event: { type: "order.paid" } });
      return (await branch.call(agent, { prompt: `after the event: ${told.how}` })).output;
    }),
});

/** Dies, as a pattern does that has a mistake in it. */
export const doomed = definePattern({
  name: "doomed",
  version: 1,
  title: "Die",
  description: "d",
  input: z.strictObject({ task: z.string() }),
  output: z.string(),
  subject: "task",
  agents: () => [],
  run: async (ctx) => {
    await ctx.wait("moment", { kind: "timer", within_seconds: 0.01 });
    throw new TypeError("a mistake");
  },
});
