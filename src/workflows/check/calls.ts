import { refName } from "../../core/agent.ts";
import { type Misfit, misfits } from "../../core/check.ts";
import { Failure } from "../../core/errors.ts";
import { isLiteral } from "../../core/filling.ts";
import { nearest } from "../../core/nearest.ts";
import type { Pattern } from "../../core/pattern.ts";
import { misfit } from "../../core/shape.ts";
import type { Definition } from "../definition.ts";
import { inputSchema, isNeeded, subjectOf } from "../inputs.ts";
import type { Anatomy, Site } from "../levels.ts";
import { agentsOf, workflowsOf } from "../named.ts";
import { type Finding, instead } from "../problems.ts";
import type { Path } from "../references.ts";
import type { World } from "../world.ts";

/** Agents, patterns and workflows that nobody knows, and inputs that do not fit theirs. */
export const checkCalls = (anatomy: Anatomy, world: World): Finding[] => [
  ...unknownAgents(anatomy.definition, world),
  ...anatomy.sites.flatMap((site) => [...pattern(site, world), ...workflowInputs(site, world)]),
  ...unknownWorkflows(anatomy.definition, world),
  ...recursion(anatomy.definition, world),
];

function unknownAgents(definition: Definition, { patterns, agents, workflows }: World): Finding[] {
  if (!agents) return [];
  return agentsOf(definition, patterns).flatMap(({ ref, path }) => {
    const name = refName(ref);
    const at = typeof ref === "string" ? path : [...path, "agent"];
    if (agents.has(name)) return [];
    const workflow = workflows?.definition(name);
    if (workflow) return asAgent(at, name, workflow);
    const names = [...agents.names(), ...(workflows?.names() ?? [])];
    return [{ path: at, message: `there is no agent \`${name}\``, ...instead(name.replace(/@.*$/, ""), names) }];
  });
}

/** A saved workflow that stands as an agent is given a task and nothing else. */
function asAgent(path: Path, name: string, workflow: Definition): Finding[] {
  const subject = subjectOf(workflow);
  const others = Object.entries(workflow.inputs ?? {}).filter(([key, input]) => key !== subject && isNeeded(input));
  const [other] = others.map(([key]) => key);
  if (subject !== undefined && other === undefined) return [];
  const why = subject === undefined ? "has no input that takes the task" : `needs the input \`${other}\` too`;
  const message = `the workflow \`${name}\` cannot stand as an agent: it ${why}`;
  return [{ path, message, hint: "play it as `workflow`, with its `inputs`" }];
}

function pattern({ node, path }: Site, world: World): Finding[] {
  if (node.pattern === undefined) return [];
  if (node.pattern === "run_workflow") {
    const message = "a workflow inside another is a node of its own kind";
    return [{ path: [...path, "pattern"], named: true, message, hint: "write `workflow: NAME`, and `inputs`" }];
  }
  const known = world.patterns.get(node.pattern);
  if (!known) {
    const message = `there is no pattern \`${node.pattern}\``;
    return [{ path: [...path, "pattern"], message, ...instead(node.pattern, world.patterns.keys()) }];
  }
  const input = node.with ?? {};
  const at = [...path, node.with === undefined ? "pattern" : "with"];
  const wrong = misfits(known.input, input).flatMap((one) => misfitOf(known, input, at, one));
  return wrong.length > 0 ? wrong : refusal(known, input, at, world);
}

/** What does not fit, where it is written out; what is told only when it is played is judged then. */
function misfitOf(known: Pattern, input: object, at: Path, { path, message, unknown }: Misfit): Finding[] {
  const keys = path.map((key) => (typeof key === "number" ? key : String(key)));
  const value = keys.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], input);
  if (unknown) return [{ path: [...at, ...keys], named: true, message: `\`${known.name}\`: ${message}` }];
  if (value === undefined && keys.length > 0)
    return [
      {
        path: [...at, ...keys.slice(0, -1)],
        named: keys.length === 1,
        message: `\`${keys.at(-1)}\` is missing in the input of \`${known.name}\``,
      },
    ];
  if (keys.some((_, i) => isTold(input, keys.slice(0, i + 1))) || holdsTold(value)) return [];
  if (typeof value !== "string" || isLiteral(value)) return [{ path: [...at, ...keys], message }];
  const [, kind] = /^expected (?!string)(\w+)/.exec(message) ?? [];
  if (kind === undefined) return [];
  const hint = "a template gives a text; `= …` gives the value itself";
  return [{ path: [...at, ...keys], message: `expected ${kind}`, hint }];
}

/** A value that an expression tells. */
const isTold = (input: object, keys: readonly (string | number)[]): boolean => {
  const value = keys.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], input);
  return typeof value === "string" && /^\s*=/.test(value);
};

/** A union is judged as a whole: where a part of it is told later, so is all of it. */
function holdsTold(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((inner) => (typeof inner === "string" && /^\s*=/.test(inner)) || holdsTold(inner));
}

/** What the pattern itself says of an input that is written out whole. */
function refusal(known: Pattern, input: object, path: Path, { limits }: World): Finding[] {
  if (!known.check || !limits || holdsTold(input)) return [];
  try {
    known.check(known.input.parse(input), limits);
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { hint } = error.options;
    return [{ path, named: true, message: error.message, ...(hint !== undefined && { hint }) }];
  }
}

function unknownWorkflows(definition: Definition, { workflows }: World): Finding[] {
  if (!workflows) return [];
  return workflowsOf(definition)
    .filter(({ ref }) => ref !== definition.name && !workflows.definition(ref))
    .map(({ ref, path }) => ({ path, message: `there is no workflow \`${ref}\``, ...instead(ref, workflows.names()) }));
}

/** What a saved workflow is given: names that it knows, of the right kind, and none too few. */
function workflowInputs({ node, path }: Site, { workflows }: World): Finding[] {
  const name = node.workflow;
  const known = name === undefined ? undefined : workflows?.definition(name);
  if (!known || name === undefined) return [];
  const declared = known.inputs ?? {};
  const given = node.inputs ?? {};
  const missing = Object.keys(declared).filter(
    (key) => declared[key] && isNeeded(declared[key]) && !Object.hasOwn(given, key),
  );
  return [
    ...missing.map((key) => ({
      path: [...path, node.inputs === undefined ? "workflow" : "inputs"],
      named: true,
      message: `the input \`${key}\` of \`${name}\` is missing`,
    })),
    ...Object.entries(given).flatMap(([key, value]) =>
      wrongInput([...path, "inputs", key], name, declared, key, value),
    ),
  ];
}

function wrongInput(
  path: Path,
  name: string,
  declared: NonNullable<Definition["inputs"]>,
  key: string,
  value: unknown,
): Finding[] {
  const input = Object.hasOwn(declared, key) ? declared[key] : undefined;
  if (!input) {
    const [near] = nearest(key, Object.keys(declared));
    const hint = near === undefined ? instead(key, Object.keys(declared)) : { hint: `did you mean \`${near}\`?` };
    return [{ path, named: true, message: `the workflow \`${name}\` has no input \`${key}\``, ...hint }];
  }
  if (holdsTold([value]) || (typeof value === "string" && !isLiteral(value))) return [];
  const why = misfit(value, inputSchema(input));
  return why === undefined ? [] : [{ path, message: `it does not fit the input \`${key}\` of \`${name}\`: ${why}` }];
}

/** A workflow that plays itself, by whatever way. */
function recursion(definition: Definition, world: World): Finding[] {
  const own = definition.name;
  if (own === undefined) return [];
  return played(definition, world).flatMap(({ ref, path }) => {
    const way = ref === own ? [own] : wayTo(own, ref, world, new Set());
    if (!way) return [];
    const message = `the workflow plays itself: ${[own, ...way].join(" → ")}`;
    return [{ path, message, hint: "to do something again, use a `loop`" }];
  });
}

/** The saved workflows that it plays, those among them that stand as agents too. */
function played(definition: Definition, { patterns, agents, workflows }: World) {
  const asAgents = agentsOf(definition, patterns).flatMap(({ ref, path }) => {
    const name = refName(ref);
    const isWorkflow = name === definition.name || workflows?.definition(name) !== undefined;
    return isWorkflow && !agents?.has(name) ? [{ ref: name, path }] : [];
  });
  return [...workflowsOf(definition), ...asAgents];
}

function wayTo(goal: string, from: string, world: World, seen: Set<string>): string[] | undefined {
  seen.add(from);
  const definition = world.workflows?.definition(from);
  for (const { ref } of definition ? played(definition, world) : []) {
    if (ref === goal) return [from, goal];
    const way = seen.has(ref) ? undefined : wayTo(goal, ref, world, seen);
    if (way) return [from, ...way];
  }
  return undefined;
}
