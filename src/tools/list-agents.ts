import { z } from "zod";
import type { AgentCard, Desk } from "../core/desk.ts";
import type { Health } from "../core/engine.ts";
import type { WorkflowCard } from "../core/workflow.ts";
import { type Facts, factWords, readFacts } from "./agent-facts.ts";
import { clip } from "./fit.ts";
import { rowPage } from "./page.ts";
import { counted } from "./render.ts";
import { simpleTool } from "./simple-tool.ts";
import { LOOKS, type Setting, type Tool } from "./tool.ts";
import { lazily, outputSchema } from "./wire.ts";
import { inputsOf } from "./workflows.ts";

const Input = z.strictObject({
  query: z.string().max(200).optional(),
  kind: z.enum(["agent", "model", "workflow"]).optional(),
  cursor: z.string().max(20).optional(),
});

const Output = z.object({
  agents: z.array(z.record(z.string(), z.unknown())).optional(),
  default_model: z.string().optional(),
  more: z.number().optional().describe("on later pages"),
  next: z.object({ tool: z.string(), arguments: z.record(z.string(), z.unknown()) }).optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
});
const OUTPUT_SCHEMA = lazily(() => outputSchema(Output));
const ROOM = 1500;
const SHORT = 160;
const WHOLE = 4000;

/** Who can be asked. */
export const listAgents = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "list_agents",
      title: "List agents",
      description:
        "Agents, saved workflows and models that can be named as `agent`: what each is for, needs, costs and takes, its versions, health, " +
        "ratings, who is like it. A name as `query` tells all of one. Use it before the first run. Not for runs (list_runs).",
      input: Input,
      outputSchema: OUTPUT_SCHEMA,
      hints: LOOKS,
      async answer({ query, kind, cursor }, { desk, engine, library, store }) {
        await desk.fresh();
        const [health, facts] = [engine.health(), await readFacts(store)];
        const cards = [...desk.list(query), ...(library?.list() ?? []).filter((card) => speaksOf(card, query))];
        const meant = cards.filter((card) => kind === undefined || kindOf(card) === kind);
        const one = query === undefined ? undefined : meant.find(({ name }) => name === query.trim());
        const rows = meant.map((card) => rowOf(card, health, facts, card === one));
        const { shown, next } = rowPage(
          one ? rows.toSorted((row) => (row.name === one.name ? -1 : 0)) : rows,
          cursor,
          ROOM,
        );
        const more = next === undefined ? 0 : rows.length - Number(next);
        const model = defaultModel(desk);
        const args = { ...(query !== undefined && { query }), ...(kind && { kind }), cursor: next };
        return {
          data: {
            agents: shown,
            ...(model !== undefined && { default_model: model }),
            ...(more > 0 && { more, next: { tool: "list_agents", arguments: args } }),
          },
          text: [
            model && `default model: ${model}`,
            ...shown.map(rowLine),
            shown.length === 0 && "none of that name",
            more > 0 && `and ${more} more: narrow \`query\`, or list_agents ${JSON.stringify(args)}`,
          ]
            .filter(Boolean)
            .join("\n"),
          isError: false,
        };
      },
    },
    setting,
  );

type Card = AgentCard | WorkflowCard;

const isAgent = (card: Card): card is AgentCard => "kind" in card;

const kindOf = (card: Card): string => (isAgent(card) ? card.kind : "workflow");

const rowOf = (
  card: Card,
  health: readonly Health[],
  facts: Awaited<ReturnType<typeof readFacts>>,
  isWhole: boolean,
): Row =>
  isAgent(card) ? agentRow(card, health, facts(card.name, card.version), isWhole) : workflowRow(card, isWhole);

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

function workflowRow(card: WorkflowCard, isWhole: boolean) {
  const { name, description, version, source, warnings, refused } = card;
  return {
    name,
    kind: "workflow" as const,
    executor: "workflow" as const,
    ...(description !== "" && { description: clip(description, isWhole ? WHOLE : SHORT) }),
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

function agentRow(card: AgentCard, health: readonly Health[], facts: Facts, isWhole: boolean) {
  const {
    name,
    description,
    version,
    tag,
    models,
    source,
    price,
    refused,
    executor,
    needs,
    versions,
    overlaps,
    notes,
  } = card;
  const kind = card.kind === "model" ? ("model" as const) : ("agent" as const);
  const sick = health.filter(({ subject, state }) => state !== "closed" && concerns(subject, card));
  return {
    name,
    kind,
    ...(description !== "" && { description: clip(description, isWhole ? WHOLE : SHORT) }),
    ...((executor !== "model" || isWhole) && kind !== "model" && { executor }),
    ...(needs && { needs }),
    ...(versions && { versions }),
    ...(overlaps && { overlaps: overlaps.slice(0, isWhole ? 20 : 3) }),
    ...facts,
    ...(isWhole && notes && { notes }),
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
  ...row
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
    row.executor,
    row.needs && `needs ${JSON.stringify(row.needs)}`,
    row.versions && `${row.versions.count} versions`,
    row.versions?.file && `its file says ${row.versions.file}`,
    ...factWords(row),
    row.overlaps && `nearly the same as ${row.overlaps.join(", ")}`,
    refused && `cannot be used: ${refused}`,
    ...(health ?? []),
    ...(row.notes ?? []),
  ]
    .filter(Boolean)
    .join(" · ");
}

function defaultModel(desk: Desk): string | undefined {
  try {
    return desk.pin([]).model;
  } catch {
    return undefined;
  }
}
