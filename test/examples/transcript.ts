import { type Asked, openStandIn } from "../../examples/stand-in.ts";
import type { StepRecord } from "../../src/core/record.ts";
import { type Heard, inputOf, openStage } from "./stage.ts";

interface Decision {
  readonly decision: string;
  readonly value?: unknown;
  /** What a person thinks. */
  readonly because: string;
}

/** What people decide in each example, in order. */
const DECISIONS: Readonly<Record<string, readonly Decision[]>> = {
  "content-pipeline": [
    { decision: "approve", because: "The second keyword does not fit this text; it goes out as it is." },
  ],
  "support-routing": [
    {
      decision: "edit",
      value: { reply: "We are sorry. The second 59 euros go back to your card; banks need 5 to 10 working days." },
      because: "No article gives a date, so the reply gives none either.",
    },
  ],
  "car-loan": [{ decision: "approve", because: "The customer has seen what will be done, and wants it." }],
};

/** The part of an output that is a text to be read. */
const RESULTS: Readonly<Record<string, string>> = {
  "code-review": "comment",
  "competitive-research": "page",
  "content-pipeline": "text",
};

/** The inputs that name the port of the stand-in. */
const PORTS: Readonly<Record<string, (origin: string) => object>> = {
  "content-pipeline": (origin) => ({ publish_to: `${origin}/posts` }),
  "car-loan": (origin) => ({ bank: origin }),
};

/** Plays an example as its `input.json` says, and tells as Markdown all that a client hears. */
export async function transcriptOf(example: string): Promise<string> {
  await using standIn = await openStandIn();
  const { origin } = standIn;
  await using stage = await openStage(example, { BATON_HOSTS: JSON.stringify([new URL(origin).host]) });
  const { name, inputs } = inputOf(example);
  const call = { name, inputs: { ...inputs, ...PORTS[example]?.(origin) } };
  const foreseen = await stage.call("run_workflow", { ...call, dry_run: true });
  const told = [await stage.play(call)];
  const parts = [
    `# A run of \`${example}\``,
    "Made by `node scripts/run.mjs examples/record.ts`, in rehearsal: no model was asked, and what agents say on purpose\n" +
      "stands in [baton.yaml](baton.yaml). A test plays it again and compares the steps.",
    "## What it is going to do",
    "`run_workflow` with [input.json](input.json) and `dry_run: true` asks nobody, and draws:",
    block("mermaid", String(foreseen.data["graph"])),
    "## What it does",
    "`run_workflow` with [input.json](input.json) is answered:",
    block("text", textOf(told[0], origin)),
  ];
  for (const { because, ...decision } of DECISIONS[example] ?? []) {
    const before = told.at(-1) as Heard;
    const after = await stage.decide(before, decision.decision, decision.value);
    told.push(after);
    parts.push(
      `It waits for a person. ${because} \`decide\`:`,
      block("json", JSON.stringify(decision, null, 2)),
      "The run goes on, and `get_run` says:",
      block("text", textOf(after, origin)),
    );
  }
  const result = RESULTS[example];
  if (result !== undefined) {
    const { [result]: text } = await stage.output(told.at(-1) as Heard);
    parts.push(`## Its \`${result}\``, block("md", String(text)));
  }
  parts.push("## Every step", table(await stage.steps(told.at(-1) as Heard)), sent(standIn.asked));
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

const block = (language: string, text: string): string => `\`\`\`${language} transcript\n${text.trim()}\n\`\`\``;

/** Without what is another each time. */
const textOf = (heard: Heard | undefined, origin: string): string =>
  (heard?.text ?? "")
    .replaceAll(/r_[a-z2-7]{26}/g, "r_example")
    .replaceAll(/\b[0-9a-f]{32}\b/g, "<hash>")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replaceAll(new URL(origin).host, "localhost:8788");

/** Joins and claims are the engine's own. */
const isTold = ({ kind, place }: StepRecord): boolean => kind !== "join" && !place.includes("~");

function table(steps: readonly StepRecord[]): string {
  const rows = steps.filter(isTold).map(({ place, kind, agent, status }) => {
    const who = agent?.replace(/@.*/, "") ?? "";
    return `| ${place} | ${kind === "call" ? who : kind === "wait" ? "a person" : `${who}, no model`} | ${status} |`;
  });
  return ["| step | who | how it ended |", "|---|---|---|", ...rows].join("\n");
}

function sent(asked: readonly Asked[]): string {
  if (asked.length === 0) return "";
  const lines = asked.map(({ what, body }) => {
    const text = JSON.stringify(body);
    return text === "{}" ? what : `${what} ${text.length > 160 ? `${text.slice(0, 160)}…` : text}`;
  });
  return `## What other systems were asked\n\n${block("text", lines.join("\n"))}`;
}

/** The steps of a transcript and how they ended, whatever their order in time. */
export const stepsIn = (transcript: string): string[] =>
  transcript
    .slice(transcript.indexOf("## Every step"))
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .toSorted();
