import { type AgentRef, refName } from "../core/agent.ts";
import type { Catalogue } from "../core/catalogue.ts";
import { Failure } from "../core/errors.ts";
import type { Pattern } from "../core/pattern.ts";
import { aboutRun } from "../core/record.ts";
import type { Run } from "../core/store.ts";
import { readYaml } from "../core/yaml-text.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * A run as a workflow that does the same again, its task an input: the graph of a workflow's run as it was; the plan of
 * a planned run as a graph of agents; any other pattern as one node.
 */
export function savedWorkflow(run: Run, catalogue: Catalogue, pattern: Pattern, name: string): Json {
  if (run.pattern === "run_workflow") return { ...playedDefinition(run, catalogue), name };
  const head = { name, description: `Saved from the ${run.pattern} run ${run.id}: ${aboutRun(run)}`, inputs: INPUTS };
  return { ...head, nodes: plannedNodes(run) ?? { [run.pattern]: patternNode(run, pattern) } };
}

const INPUTS = { task: { type: "string", description: "What is to be done" } };
const TASK = "{{ inputs.task }}";

function playedDefinition({ input }: Run, { workflows = {} }: Catalogue): Json {
  const { name, definition } = input as { name?: string; definition?: string | Json };
  if (typeof definition === "string") return readYaml(definition).value as Json;
  return definition ?? (workflows[name ?? ""]?.definition as Json);
}

/** The pattern with the input it had; what was to be done is put in anew. */
const patternNode = ({ input }: Run, { name, subject }: Pattern): Json => ({
  pattern: name,
  with: { ...(literal(input) as Json), [subject]: TASK },
});

/** A value whose texts a template gives back as they are. */
function literal(value: unknown): unknown {
  if (typeof value === "string") return literalText(value);
  if (Array.isArray(value)) return value.map(literal);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, literal(inner)]));
}

/** Braces that would begin a place for a value are values themselves, and so is a `=` that would begin an expression. */
const literalText = (text: string): string =>
  text.replaceAll(/\{(?=[{%])/g, '{{ "{" }}').replace(/^\s*=/, (start) => `{{ "" }}${start}`);

interface PlannedTask {
  readonly id: string;
  readonly task: string;
  readonly worker: string;
  readonly after: readonly string[];
  readonly reads: readonly string[];
}

/** The plan of a run that kept to its first plan; one that was planned anew has no whole plan to save. */
function plannedNodes(run: Run): Json | undefined {
  if (run.pattern !== "plan_and_execute") return undefined;
  const { plan, replans = 0 } = (run.output ?? {}) as { plan?: { tasks: PlannedTask[] }; replans?: number };
  if (!plan)
    throw new Failure("INVALID_INPUT", `run ${run.id} is ${run.status} and has left no plan to save`, {
      hint: "Save it when it has ended; plan_only: true ends with the plan.",
    });
  return replans > 0 ? undefined : planGraph(plan.tasks, run.input as Planned);
}

interface Planned {
  readonly workers?: readonly AgentRef[];
  readonly synthesiser?: AgentRef;
}

function planGraph(tasks: readonly PlannedTask[], { workers = [], synthesiser }: Planned): Json {
  const names = nodeNames(tasks.map(({ id }) => id));
  const nameOf = (id: string): string => names[tasks.findIndex((task) => task.id === id)] ?? id;
  const refs = refsByName(workers);
  const nodes = tasks.map(({ task, worker, after, reads }, at) => {
    const waits = after.filter((id) => !reads.includes(id)).map(nameOf);
    const told = [`# Goal\n\n${TASK}`, `# Your task\n\n${literalText(task)}`, ...reads.map((id) => result(nameOf(id)))];
    const agent = refs.get(worker) ?? worker;
    return [names[at], { agent, task: told.join("\n\n"), ...(waits.length > 0 && { after: waits }) }];
  });
  if (tasks.length < 2 && synthesiser === undefined) return Object.fromEntries(nodes);
  const [last = "synthesis"] = nodeNames(["synthesis"], names);
  const join = [`# Goal\n\n${TASK}`, "Join the results into one whole that reaches the goal.", ...names.map(result)];
  return Object.fromEntries([...nodes, [last, { agent: synthesiser ?? "synthesiser", task: join.join("\n\n") }]]);
}

const result = (node: string): string => `# Result of ${node}\n\n{{ nodes.${node}.output }}`;

/** Workers by the names under which a planner knows them: the second of a name has a number. */
function refsByName(refs: readonly AgentRef[]): ReadonlyMap<string, AgentRef> {
  const named = new Map<string, AgentRef>();
  for (const ref of refs)
    named.set(
      free(refName(ref), (name) => named.has(name), "-"),
      ref,
    );
  return named;
}

/** Names as nodes have them, each once. */
function nodeNames(ids: readonly string[], taken: readonly string[] = []): string[] {
  const used = new Set(taken);
  return ids.map((id) => {
    const plain = id.replaceAll(/[^A-Za-z0-9_]+/g, "_").slice(0, 50);
    const name = free(/^[A-Za-z]/.test(plain) ? plain : `t_${plain}`, (other) => used.has(other), "_");
    used.add(name);
    return name;
  });
}

function free(name: string, isTaken: (name: string) => boolean, mark: string): string {
  let candidate = name;
  for (let n = 2; isTaken(candidate); n++) candidate = `${name}${mark}${n}`;
  return candidate;
}
