import { drawOutline } from "../core/drawing.ts";
import { Failure } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import { nearest } from "../core/nearest.ts";
import type { Pattern } from "../core/pattern.ts";
import type { JsonSchema } from "../core/provider.ts";
import type { Library, WorkflowCard } from "../core/workflow.ts";

/** One input of a saved workflow, as a person fills it in. */
export interface WorkflowInput {
  readonly name: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
}

/** The saved workflows that can be run. */
export const usable = (library: Library | undefined): readonly WorkflowCard[] =>
  (library?.list() ?? []).filter(({ refused }) => refused === undefined);

/** A workflow by its name; else the nearest names, for whoever is told. */
export function workflowCard(library: Library | undefined, name: string): WorkflowCard | { readonly near: string[] } {
  const cards = library?.list() ?? [];
  const all = cards.map((card) => card.name);
  return cards.find((card) => card.name === name) ?? { near: nearest(name, all) };
}

/** What a workflow takes, the required first. */
export function inputsOf({ inputs = {} }: WorkflowCard): WorkflowInput[] {
  const properties = (inputs["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const required = (inputs["required"] ?? []) as readonly string[];
  const all = Object.entries(properties).map(([name, schema]) => ({ name, schema, required: required.includes(name) }));
  return [...all.filter((input) => input.required), ...all.filter((input) => !input.required)];
}

/** The pattern that plays workflows, and what it may rest on. */
export interface Drawer {
  readonly patterns: readonly Pattern[];
  readonly limits: Limits;
}

/** A saved workflow drawn as Mermaid; undefined where nobody here can play it. */
export function drawnWorkflow(library: Library, name: string, { patterns, limits }: Drawer): string | undefined {
  const plays = patterns.find((pattern) => pattern.name === "run_workflow");
  const pinned = (other: string) => (library.has(other) ? library.pin(other) : undefined);
  try {
    const outline = plays?.outline?.({ name, inputs: {} }, limits, pinned);
    return outline && drawOutline(outline);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
