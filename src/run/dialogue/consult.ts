import { z } from "zod";
import type { AgentSpec } from "../../core/agent.ts";
import { isoTime } from "../../core/clock.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import { acknowledgement, Message } from "../../core/message.ts";
import { definePattern, type RunContext } from "../../core/pattern.ts";
import { nthName } from "../../core/place.ts";
import { paragraphs, quoted } from "../../core/texts.ts";
import type { Piece } from "./kit.ts";

/** Who asks whom what, and when. */
const Asked = z.object({ id: z.string(), from: z.string(), to: z.string(), question: z.string(), at: z.number() });
type Asked = z.output<typeof Asked>;

/** Two messages: what was asked, and what was answered. */
const Exchange = z.object({ question: Message, answer: Message });

/** One agent asks another. It stands a level deeper, so that asking each other has an end. */
const consultation = definePattern({
  name: "consult",
  version: 1,
  title: "Consult",
  description: "One agent asks another.",
  input: Asked,
  output: Exchange,
  subject: "question",
  agents: ({ to }) => [to],
  async run(ctx, asked) {
    const answer = await ctx.call(asked.to, { prompt: promptOf(asked) });
    const shared = { correlation_id: asked.id };
    return {
      question: {
        ...{ id: asked.id, from: asked.from, to: asked.to, timestamp: isoTime(asked.at), type: "question", ...shared },
        payload: asked.question,
        acknowledged: [acknowledgement(asked.to, nthName(asked.to, 1), answer.at)],
      },
      answer: {
        ...{ id: `${asked.id}/answer`, from: asked.to, to: asked.from, timestamp: isoTime(answer.at), type: "answer" },
        ...shared,
        payload: answer.output,
        acknowledged: [],
      },
    };
  },
});

const promptOf = ({ from, question }: Asked): string =>
  paragraphs(
    `The agent "${from}" asks you, in the midst of its own work. Answer its question; it sees nothing but your answer. ${FENCE_RULE}`,
    quoted("Its question:", "question", question),
  );

/** Asks a peer and gives what it answered. */
export async function consult(ctx: RunContext, asked: Asked): Promise<string> {
  const { answer } = await ctx.run(consultation, asked, { name: asked.to });
  return String(answer.payload);
}

/** The tool by which an agent asks those that it may ask. */
export function consultTool({ consult = [] }: AgentSpec, describe: (name: string) => string | undefined): Piece[] {
  if (consult.length === 0) return [];
  const peers = consult.map((name) => `- ${name}: ${describe(name) ?? ""}`.trimEnd());
  const tool = {
    name: "consult",
    description: `Asks another agent one question and gives you its answer. It knows nothing of your work but what you write. You may ask:\n${peers.join("\n")}`,
    input: {
      type: "object",
      properties: { agent: { type: "string", enum: consult }, question: { type: "string", minLength: 1 } },
      required: ["agent", "question"],
      additionalProperties: false,
    },
  };
  return [[tool, { is: "consult" }]];
}
