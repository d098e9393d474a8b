import {
  type GetPromptResult,
  type ListPromptsResult,
  type Prompt,
  ProtocolError,
  ProtocolErrorCode,
} from "@modelcontextprotocol/server";
import { nearest } from "../core/nearest.ts";
import type { JsonSchema } from "../core/provider.ts";
import type { Library, WorkflowCard } from "../core/workflow.ts";
import { clip } from "./fit.ts";
import { type Drawer, drawnWorkflow, inputsOf, usable, type WorkflowInput, workflowCard } from "./workflows.ts";

/** Each saved workflow as a prompt whose arguments are its inputs. */
export const listPrompts = (library: Library | undefined): ListPromptsResult => ({
  prompts: usable(library).map(promptOf),
});

const promptOf = (card: WorkflowCard): Prompt => ({
  name: card.name,
  title: `Run ${card.name}`,
  description: clip(card.description || `Runs the workflow ${card.name}.`, 500),
  arguments: inputsOf(card).map((input) => ({
    name: input.name,
    description: about(input.schema),
    required: input.required,
  })),
});

/** "Who will read it (string, default "everybody")". */
function about({ description, type, enum: choices, default: preset }: JsonSchema): string {
  const kind = Array.isArray(choices)
    ? choices.map((choice) => JSON.stringify(choice)).join(" / ")
    : (type ?? "any value");
  const more = preset === undefined ? String(kind) : `${kind}, default ${clip(JSON.stringify(preset), 80)}`;
  return typeof description === "string" ? `${clip(description, 300)} (${more})` : more;
}

/** Asks for one run of a workflow with exactly these inputs, and shows what it does. */
export function getPrompt(
  library: Library | undefined,
  name: string,
  args: Readonly<Record<string, string>>,
  drawer: Drawer,
): GetPromptResult {
  const card = workflowCard(library, name);
  if (!library || "near" in card) throw unknownPrompt(name, "near" in card ? card.near : []);
  if (card.refused !== undefined) throw wrong(`the workflow ${name} cannot be used: ${card.refused}`);
  const call = { name, inputs: valuesOf(card, args) };
  const drawing = drawnWorkflow(library, name, drawer);
  const text = [
    `Run the workflow "${name}" with Baton, and tell me what it gives. Make this call, exactly so:`,
    `run_workflow ${JSON.stringify(call)}`,
    "Where it answers queued, running or waiting, make the call that stands in `next`, until it has ended. What it asks of a person, ask me.",
    `What it does: ${card.description || "see the drawing"}`,
    drawing && `\`\`\`mermaid\n${drawing}\n\`\`\``,
  ];
  return {
    description: clip(card.description || `Runs the workflow ${name}.`, 500),
    messages: [{ role: "user", content: { type: "text", text: text.filter(Boolean).join("\n\n") } }],
  };
}

/** The arguments, which are all texts, as the values that the inputs are. */
function valuesOf(card: WorkflowCard, args: Readonly<Record<string, string>>): Record<string, unknown> {
  const inputs = inputsOf(card);
  const names = inputs.map(({ name }) => name);
  const given = Object.entries(args).filter(([, text]) => text !== "");
  const strange = given.find(([name]) => !names.includes(name));
  if (strange) throw unknownArgument(card.name, strange[0], names);
  const missing = inputs.filter(({ name, required }) => required && !given.some(([key]) => key === name));
  if (missing.length > 0) throw wrong(`${card.name} needs ${missing.map(({ name }) => `\`${name}\``).join(", ")}`);
  return Object.fromEntries(
    given.map(([name, text]) => [
      name,
      readArgument(
        inputs.find((input) => input.name === name),
        text,
      ),
    ]),
  );
}

function readArgument(input: WorkflowInput | undefined, text: string): unknown {
  const { type, enum: choices } = input?.schema ?? {};
  const chosen = Array.isArray(choices) ? choices.find((choice) => String(choice) === text) : undefined;
  if (chosen !== undefined) return chosen;
  if (type === "string" || type === undefined) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(`\`${input?.name}\` must be ${type}, written as JSON`);
  }
}

/** What an argument of a prompt may be, as far as its input says, from what is written so far. */
export function completeArgument(library: Library | undefined, prompt: string, name: string, begun: string): string[] {
  const card = workflowCard(library, prompt);
  const input = "near" in card ? undefined : inputsOf(card).find((each) => each.name === name);
  const { type, enum: choices, default: preset } = input?.schema ?? {};
  const values = Array.isArray(choices) ? choices : type === "boolean" ? [true, false] : [];
  const all = values.length === 0 && preset !== undefined ? [preset] : values;
  return all
    .map((value) => (typeof value === "string" ? value : JSON.stringify(value)))
    .filter((value) => value.startsWith(begun));
}

const wrong = (message: string): ProtocolError => new ProtocolError(ProtocolErrorCode.InvalidParams, message);

function unknownPrompt(name: string, [near]: readonly string[]): ProtocolError {
  const hint = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
  return wrong(`there is no prompt ${JSON.stringify(name.slice(0, 100))}${hint}`);
}

function unknownArgument(workflow: string, name: string, names: readonly string[]): ProtocolError {
  const [near] = nearest(name, names);
  const hint = near === undefined ? `its inputs are ${names.join(", ") || "none"}` : `did you mean \`${near}\`?`;
  return wrong(`${workflow} takes no \`${name.slice(0, 100)}\`: ${hint}`);
}
