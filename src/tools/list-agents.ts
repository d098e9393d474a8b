import { z } from "zod";
import type { AgentCard, Desk } from "../core/desk.ts";
import type { Health } from "../core/engine.ts";
import { clip, tokens } from "./fit.ts";
import { simpleTool } from "./simple-tool.ts";
import { LOOKS, type Setting, type Tool } from "./tool.ts";
import { outputSchema } from "./wire.ts";

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
const OUTPUT_SCHEMA = outputSchema(Output);
const ROOM = 1500;

/** Who can be asked. */
export const listAgents = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "list_agents",
      title: "List agents",
      description:
        "Agents and models that can be named as `agent`: what each is for, its models, price per million tokens, health. " +
        "Use it before the first run. Not for runs (list_runs).",
      input: Input,
      outputSchema: OUTPUT_SCHEMA,
      hints: LOOKS,
      async answer({ query, kind }, { desk, engine }) {
        const health = engine.health();
        const rows = desk
          .list(query)
          .filter((card) => kind === undefined || card.kind === kind)
          .map((card) => agentRow(card, health));
        const shown = firstThatFit(rows);
        const more = rows.length - shown.length;
        const model = defaultModel(desk);
        return {
          data: { agents: shown, ...(model !== undefined && { default_model: model }), ...(more > 0 && { more }) },
          text: [
            model && `default model: ${model}`,
            ...shown.map(agentLine),
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

type Row = ReturnType<typeof agentRow>;

function agentRow(card: AgentCard, health: readonly Health[]) {
  const { name, kind, description, version, models, source, price, refused } = card;
  const sick = health.filter(({ subject, state }) => state !== "closed" && concerns(subject, card));
  return {
    name,
    kind,
    ...(description !== "" && { description: clip(description, 160) }),
    ...(kind !== "model" && { version, models: [...models] }),
    source,
    usd_per_mtok: price,
    ...(refused !== undefined && { refused: clip(refused, 240) }),
    ...(sick.length > 0 && {
      health: sick.map(({ subject, state, last }) => `${subject} ${state}${last ? `: ${clip(last, 120)}` : ""}`),
    }),
  };
}

const concerns = (subject: string, { name, models }: AgentCard): boolean =>
  subject === name || [name, ...models].some((model) => model === subject || model.startsWith(`${subject}/`));

function agentLine({
  name,
  kind,
  version,
  models,
  source,
  usd_per_mtok: price,
  description,
  refused,
  health,
}: Row): string {
  const cost =
    price === null
      ? refused === undefined && "price unknown"
      : `$${price.input} in, $${price.output} out per million tokens`;
  const tag = version ? `${name}@${version}` : name;
  return [
    tag,
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
