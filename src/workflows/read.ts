import { misfits } from "../core/check.ts";
import { readYaml, type YamlText } from "../core/yaml-text.ts";
import { checkCalls } from "./check/calls.ts";
import { checkFields } from "./check/fields.ts";
import { checkFlow } from "./check/flow.ts";
import { checkForm } from "./check/form.ts";
import { checkNames } from "./check/names.ts";
import { checkState } from "./check/state.ts";
import { checkTexts } from "./check/texts.ts";
import { checkValues } from "./check/values.ts";
import { Definition } from "./definition.ts";
import { anatomyOf } from "./levels.ts";
import { type Finding, invalid, type Problem } from "./problems.ts";
import { innerNodes, type Nodes } from "./references.ts";
import type { World } from "./world.ts";

/** A definition as somebody has written it. */
export interface WorkflowText {
  /** Its name, as far as one can be read. */
  readonly name?: string;
  /** Absent where its form is wrong. */
  readonly definition?: Definition;
  /** What is wrong with its form. */
  readonly problems: readonly Problem[];
  /** Says where findings stand in the text, in the order of the text. */
  place(findings: readonly Finding[]): Problem[];
}

/** Most nodes that one workflow may have, with those inside others. */
const MOST_NODES = 2000;
/** Deeper than anybody writes. */
const DEEPEST = 64;

/** Reads a definition: YAML or JSON text, or plain data, in which everything has a path and no line. */
export function parseWorkflow(given: unknown): WorkflowText {
  const yaml = typeof given === "string" ? readYaml(given) : undefined;
  const place = placer(yaml);
  const misread = (yaml?.problems ?? []).map(({ message, line, column }) => ({ path: [], message, line, column }));
  if (misread.length > 0) return { problems: misread, place };
  const value = yaml ? yaml.value : given;
  if (isDeeper(value, DEEPEST)) return { problems: [{ path: [], message: "it is nested too deep" }], place };
  const { success, data } = Definition.safeParse(value);
  const problems = success ? tooMany(data) : malformed(value);
  const text = { ...nameIn(value), place, problems: place(problems) };
  return success && problems.length === 0 ? { ...text, definition: data } : text;
}

function nameIn(value: unknown): { name?: string } {
  const { success, data } = Definition.shape.name.safeParse((value as { name?: unknown } | null)?.name);
  return success && data !== undefined ? { name: data } : {};
}

/** Reads a definition and checks all of it. */
export function readWorkflow(given: unknown, world: World): WorkflowText {
  const text = parseWorkflow(given);
  if (!text.definition) return text;
  const problems = text.place(checkDefinition(text.definition, world));
  const { definition, place } = text;
  return problems.length > 0 ? { problems, place } : { definition, problems, place };
}

/** A definition that can be played. Throws INVALID_WORKFLOW with everything that is wrong in it. */
export function soundWorkflow(given: unknown, world: World): Definition {
  const { definition, problems } = readWorkflow(given, world);
  if (!definition) throw invalid("The workflow", problems);
  return definition;
}

/** All that is wrong in a definition whose form is right: each thing once, with its path. */
export function checkDefinition(definition: Definition, world: World): Finding[] {
  const anatomy = anatomyOf(definition);
  const found = [
    ...checkForm(anatomy),
    ...checkNames(anatomy),
    ...checkTexts(anatomy),
    ...checkFlow(anatomy),
    ...checkFields(anatomy, world),
    ...checkState(anatomy),
    ...checkValues(anatomy),
    ...checkCalls(anatomy, world),
  ];
  return [...new Map(found.map((one) => [JSON.stringify([one.path, one.message]), one])).values()];
}

function tooMany(definition: Definition): Finding[] {
  const length = countOf(definition.nodes);
  const message = `${length} nodes are more than ${MOST_NODES}`;
  return length > MOST_NODES
    ? [{ path: ["nodes"], named: true, message, hint: "put parts into workflows of their own" }]
    : [];
}

const countOf = (nodes: Nodes): number =>
  Object.values(nodes).reduce((count, node) => count + 1 + countOf(innerNodes(node) ?? {}), 0);

/** What the schema says of it, in words that fit a workflow. */
function malformed(value: unknown): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return [{ path: [], message: "a workflow is an object with `nodes`" }];
  return misfits(Definition, value).map(({ path, message, unknown }) => {
    const keys = path.map((key) => (typeof key === "number" ? key : String(key)));
    const found = keys.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
    if (found !== undefined || unknown) return { path: keys, named: unknown, message };
    const name = String(keys.at(-1));
    const isBound = name === "max_rounds";
    return {
      path: keys.slice(0, -1),
      named: true,
      message: isBound ? "a loop without a bound: `max_rounds` is missing" : `\`${name}\` is missing`,
      ...(isBound && { hint: "say how often it may go round at most, such as `max_rounds: 5`" }),
    };
  });
}

const placer =
  (yaml: YamlText | undefined) =>
  (findings: readonly Finding[]): Problem[] => {
    if (!yaml) return [...findings];
    return findings
      .map((one) => ({ ...one, ...(one.named ? yaml.whereNamed(one.path) : yaml.where(one.path)) }))
      .sort((a, b) => a.line - b.line || a.column - b.column);
  };

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));
