import { z } from "zod";
import type { AgentCard, Desk } from "../core/desk.ts";
import type { Health } from "../core/engine.ts";
import type { WorkflowCard } from "../core/workflow.ts";
import { clip, tokens } from "./fit.ts";
import { counted } from "./render.ts";
import { simpleTool } from "./simple-tool.ts";
import { LOOKS, type Setting, type Tool } from "./tool.ts";
import { lazily, outputSchema } from "./wire.ts";
import { inputsOf } from "./workflows.ts";

const Input = z.strictObject({
  query: z.string().max(200).optional(),
  kind: z.enum(["agent", "model", "workflow"]).optional(),
});

const Output = z.object({
  agents: z.array(z.record(z.string(), z.unknown())).optional(),
  default_model: z.string().optional(),
  more: z.number().optional().describe("not shown; narrow `query`"),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
});
const OUTPUT_SCHEMA = lazily(() => outputSchema(Output));
const ROOM = 1500;

/** Who can be asked. */
export const listAgents = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "list_agents",
      title: "List agents",
      description:
        "Agents, saved workflows and models that can be named as `agent`: what each is for, its models or inputs, price per million " +
        "tokens, health. Use it before the first run. Not for runs (list_runs).",
      input: Input,
      outputSchema: OUTPUT_SCHEMA,
      hints: LOOKS,
      async answer({ query, kind }, { desk, engine, library }) {
        const health = engine.health();
        const agents = desk.list(query).map((card) => agentRow(card, health));
        const workflows = (library?.list() ?? []).filter((card) => speaksOf(card, query)).map(workflowRow);
        const rows = [...agents, ...workflows].filter((row) => kind === undefined || row.kind === kind);
        const shown = firstThatFit(rows);
        const more = rows.length - shown.length;
        const model = defaultModel(desk);
        return {
          data: { agents: shown, ...(model !== undefined && { default_model: model }), ...(more > 0 && { more }) },
          text: [
            model && `default model: ${model}`,
            ...shown.map(rowLine),
            shown.length === 0 && "none of that name",
            more > 0 && `and ${more} more: narrow \`query\``,
          ]
            .filter(Boolean)
            .join("\n"),
          isError: false,
        };
      },
    },
    setting,
  );

type Row = AgentRow | WorkflowRow;
type AgentRow = ReturnType<typeof agentRow>;
type WorkflowRow = ReturnType<typeof workflowRow>;

/** Every word of a query stands in its name, its description or its file. */
function speaksOf({ name, description, source }: WorkflowCard, query = ""): boolean {
  const text = `${name} ${description} ${source}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function workflowRow(card: WorkflowCard) {
  const { name, description, version, source, warnings, refused } = card;
  return {
    name,
    kind: "workflow" as const,
    ...(description !== "" && { description: clip(description, 160) }),
    ...(version !== undefined && { version }),
    inputs: inputsOf(card).map((input) => (input.required ? input.name : `${input.name}?`)),
    source,
    ...(warnings.length > 0 && { warnings: warnings.length }),
    ...(refused !== undefined && { refused: clip(refused, 240) }),
  };
}

const rowLine = (row: Row): string => (row.kind === "workflow" ? workflowLine(row) : agentLine(row));

function workflowLine({ name, version, inputs, source, description, warnings, refused }: WorkflowRow): string {
  return [
    version === undefined ? name : `${name}@${version}`,
    "workflow",
    `inputs {${inputs.join(", ")}}`,
    source,
    description,
    warnings !== undefined && counted(warnings, "warning"),
    refused && `cannot be used: ${refused}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function agentRow(card: AgentCard, health: readonly Health[]) {
  const { name, description, version, tag, models, source, price, refused } = card;
  const kind = card.kind === "model" ? ("model" as const) : ("agent" as const);
  const sick = health.filter(({ subject, state }) => state !== "closed" && concerns(subject, card));
  return {
    name,
    kind,
    ...(description !== "" && { description: clip(description, 160) }),
    ...(kind !== "model" && { version, ...(tag !== undefined && { tag }), models: [...models] }),
    source,
    usd_per_mtok: price,
    ...(refused !== undefined && { refused: clip(refused, 240) }),
    ...(sick.length > 0 && {
      health: sick.map(({ subject, state, last }) => `${subject} ${state}${last ? `: ${clip(last, 120)}` : ""}`),
    }),
  };
}

const concerns = (subject: string, { name, models }: AgentCard): boolean =>
  subject === `agent:${name}` ||
  [name, ...models].some((model) => model === subject || model.startsWith(`${subject}/`));

function agentLine({
  name,
  kind,
  version,
  tag,
  models,
  source,
  usd_per_mtok: price,
  description,
  refused,
  health,
}: AgentRow): string {
  const cost =
    price === null
      ? refused === undefined && "price unknown"
      : `$${price.input} in, $${price.output} out per million tokens`;
  return [
    [version ? `${name}@${version}` : name, tag && `(${tag})`].filter(Boolean).join(" "),
    kind,
    models?.join(" then "),
    source,
    cost,
    description,
    refused && `cannot be used: ${refused}`,
    ...(health ?? []),
  ]
    .filter(Boolean)
    .join(" · ");
}

function firstThatFit(rows: readonly Row[]): Row[] {
  let room = ROOM;
  return rows.filter((row) => {
    room -= tokens(JSON.stringify(row));
    return room >= 0;
  });
}

function defaultModel(desk: Desk): string | undefined {
  try {
    return desk.pin([]).model;
  } catch {
    return undefined;
  }
}
