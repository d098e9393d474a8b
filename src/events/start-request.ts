import type { StartRequest } from "../core/engine.ts";
import { Failure } from "../core/errors.ts";
import { type StoredEvent, type Subscription, told } from "../core/event.ts";
import { compileInputs } from "../core/event-inputs.ts";
import { FENCE_RULE } from "../core/fence.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Pattern } from "../core/pattern.ts";
import { paragraphs, quoted } from "../core/texts.ts";
import type { Library, WorkflowCard } from "../core/workflow.ts";

const LONGEST_LABEL = 100;

/** What a subscription may run. */
export interface Repertoire {
  readonly patterns: readonly Pattern[];
  readonly library?: Library | undefined;
}

/** The run that an event begins for a subscription; the same for the same two, so that it is begun once. */
export function startRequest(subscription: Subscription, event: StoredEvent, repertoire: Repertoire): StartRequest {
  const { name, run } = subscription;
  const isWorkflow = repertoire.library?.has(run) ?? false;
  const pattern = patternOf(isWorkflow ? "run_workflow" : "run_agent", repertoire);
  const input = isWorkflow ? workflowInput(subscription, event, repertoire) : agentInput(subscription, event);
  return {
    pattern,
    input: parsed(pattern, input, name),
    caller: event.caller,
    labels: [`event:${event.type}`, `subscription:${name}`].map((label) => label.slice(0, LONGEST_LABEL)),
    idempotency: {
      key: `event/${event.number}/${name}`,
      hash: fingerprint({ subscription: name, event: event.number }),
    },
  };
}

function patternOf(name: string, { patterns }: Repertoire): Pattern {
  const pattern = patterns.find((each) => each.name === name);
  if (pattern) return pattern;
  throw new Failure("NOT_FOUND", `this server has no ${name}`);
}

function parsed(pattern: Pattern, input: unknown, subscription: string): unknown {
  const read = pattern.input.safeParse(input);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new Failure(
    "INVALID_INPUT",
    `subscription ${subscription}: ${issue?.path.join(".") || "its inputs"}: ${issue?.message}`,
    { hint: `Correct its \`inputs\`, so that ${pattern.name} can be run with them.` },
  );
}

function workflowInput({ run, inputs }: Subscription, event: StoredEvent, { library }: Repertoire): unknown {
  const card = library?.list().find(({ name }) => name === run);
  const given = inputs ? compileInputs(inputs)(event) : wantsEvent(card) ? { event: told(event) } : {};
  return { name: run, inputs: given, ...(Object.keys(given).length > 0 && { foreign: true }) };
}

/** Does a workflow take the event that starts it? One that names its own events does. */
function wantsEvent(card: WorkflowCard | undefined): boolean {
  const properties = card?.inputs?.["properties"];
  const declares = typeof properties === "object" && properties !== null && Object.hasOwn(properties, "event");
  return declares || (card?.on?.length ?? 0) > 0;
}

/** What an event says reaches a model as data, whether a template puts it in or it is all of the task. */
function agentInput({ run, inputs }: Subscription, event: StoredEvent): unknown {
  if (!inputs) return { agent: run, task: taskAbout(told(event)) };
  const { task, ...rest } = compileInputs(inputs, true)(event);
  const isTemplate = typeof inputs["task"] === "string" && !inputs["task"].startsWith("=");
  return {
    agent: run,
    task: isTemplate ? paragraphs(String(task), FENCE_RULE) : taskAbout(task ?? told(event)),
    ...rest,
  };
}

const taskAbout = (what: unknown): string =>
  paragraphs(quoted("This has happened. Do what is yours to do about it.", "event", what), FENCE_RULE);
