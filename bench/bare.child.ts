import OpenAI from "openai";
import { MODEL, TASK, timed, type Workload } from "./workloads.ts";

// The same calls with the SDK and nothing else: no journal, no budget, no protocol. Prints what they took as JSON.
const [base = "", workload = "W1", mode = "plain"] = process.argv.slice(2);
const client = new OpenAI({ apiKey: "bench", baseURL: base, maxRetries: 0 });

async function call(content: string): Promise<string> {
  const messages = [{ role: "user" as const, content }];
  if (mode === "plain") {
    const reply = await client.chat.completions.create({ model: MODEL, messages });
    return reply.choices[0]?.message.content ?? "";
  }
  const stream = await client.chat.completions.create({
    model: MODEL,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}

async function inOrder(steps: number): Promise<void> {
  let last = "";
  for (let i = 0; i < steps; i++) last = await call(`${TASK}\n${last}`);
}

async function inLanes(items: number, lanes: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < items) await call(`${TASK} ${next++}`);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

const play: Record<Workload | "fan", () => Promise<void>> = {
  fan: () => inLanes(100, 16),
  W1: () => inOrder(10),
  W2: async () => {
    await inLanes(100, 16);
    await call(TASK);
  },
  W3: async () => {
    await inLanes(3, 3);
    await call(TASK);
  },
  W4: async () => {
    await Promise.all(Array.from({ length: 200 }, () => inOrder(5)));
  },
};

const asked = workload as keyof typeof play;
process.stdout.write(JSON.stringify(await timed(asked, play[asked])));
