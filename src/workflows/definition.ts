import { z } from "zod";
import { AgentRef } from "../core/agent.ts";
import { Budget, RetryPolicy } from "../core/limits.ts";

/** A text with values in it: Liquid; or, where it begins with `=`, a CEL expression whose value it is. */
const Text = z.string().min(1).max(100_000);
/** CEL that is true or false. */
const When = z.string().min(1).max(2000);
/** CEL that gives a value. */
const Cel = z.string().min(1).max(2000);
const Name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, "a name begins with a letter and has letters, digits and _ (at most 64)");
const Schema = z.record(z.string(), z.unknown());
const Seconds = z.number().positive().max(31_536_000);

const Input = z
  .looseObject({
    type: z.enum(["string", "number", "integer", "boolean", "array", "object"]).optional(),
    description: z.string().optional(),
    default: z.unknown().optional(),
    required: z.boolean().optional().describe("False: it may be left out without a default, and is null then"),
  })
  .describe("A JSON Schema of the value, with `default` if it may be left out");

const Merge = z.enum(["append", "union", "sum", "max", "min", "merge"]);

const StateKey = z
  .looseObject({
    default: z.unknown().optional(),
    merge: Merge.optional().describe("How writes of nodes that may run at once become one value"),
  })
  .describe("A JSON Schema of the value");

const Event = z.strictObject({
  type: z.string().min(1).describe("Such as order.paid; `*` at the end stands for any ending"),
  where: When.optional().describe("CEL over `event`"),
  correlation_id: Text.optional(),
});

/** What an action that cannot be undone by repeating it says of itself. */
const Effect = z.union([z.boolean(), z.strictObject({ idempotent: z.literal(true) })]);

const Http = z.strictObject({
  method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]).optional(),
  url: Text,
  headers: z.record(z.string(), Text).optional(),
  body: z.unknown().optional().describe("Templates inside; an object is sent as JSON"),
});

/** Looks whether a request that a crash cut off was done. */
const Verify = z.strictObject({
  http: Http.omit({ method: true, body: true }).describe(
    "Reads what the request would have made; 404: it was not done",
  ),
  done: When.describe("CEL over `output`, what was found there: was it done?"),
  value: Cel.optional().describe("CEL over `output`: what the node gives then; default: what was found"),
});

const Control = z.strictObject({
  run: Text.describe("The run's id"),
  action: z.enum(["cancel", "retry", "requeue"]),
});

/** A deed that takes a step back; it is played when the workflow fails after the step. */
const Undo = z.strictObject({ http: Http });

/** What every node may say. */
const COMMON = {
  description: z.string().optional(),
  after: z.array(Name).optional().describe("Nodes it follows; those that it reads need not be named"),
  when: When.optional().describe("CEL; where it is false the node is skipped"),
  writes: z.record(Name, Cel).optional().describe("State keys, each with CEL over `output`: {found: output.items}"),
  on_error: z.enum(["fail", "skip", "human"]).optional().describe("Default fail"),
  timeout_seconds: Seconds.optional(),
  budget: Budget.optional(),
  effect: Effect.optional().describe("It changes the world: it is not repeated blindly"),
  compensate: Undo.optional(),
};

const AgentNode = {
  agent: AgentRef.describe("A name of list_agents, provider/model, or a saved workflow"),
  task: Text.describe("What the agent is to do; values put in are marked as data, but for the inputs"),
  instructions: z.string().min(1).max(100_000).optional().describe("Told beside its own, as it stands: no templates"),
  output_schema: Schema.optional().describe("JSON Schema of its answer; without one the answer is a text"),
  fallback: z.array(AgentRef).max(10).optional().describe("Asked in order where the first fails"),
  retry: RetryPolicy.partial().optional(),
  cache: z
    .strictObject({ ttl: Seconds })
    .optional()
    .describe("An answer to the same question may be so many seconds old"),
  high_risk: z.boolean().optional().describe("A wrong answer does harm"),
};

const Wait = z.strictObject({
  approval: Text.optional().describe("What is to be approved; a rejection fails the node"),
  answer: Text.optional().describe("A question to a person; the answer is its output"),
  action: z
    .strictObject({ name: z.string().min(1).max(200), arguments: z.unknown().optional() })
    .optional()
    .describe("What is approved, exactly; its arguments, as approved or edited, are the output. Templates inside"),
  self: z.boolean().optional().describe("False: the model that has called for the run may not decide"),
  approvers: z
    .array(z.string().min(1).max(100))
    .min(1)
    .max(20)
    .optional()
    .describe("Names of approvers: one of them must decide"),
  escalate: z
    .strictObject({ after_seconds: Seconds, note: z.string().min(1).max(500).optional() })
    .optional()
    .describe("Tells again that somebody is waited for"),
  event: Event.optional(),
  seconds: z.union([z.number().positive(), Cel]).optional().describe("A pause"),
  within_seconds: Seconds.optional(),
  on_expiry: z.enum(["fail", "skip", "approve", "reject"]).optional().describe("Default fail"),
  default: z.unknown().optional().describe("The answer if nobody answers in time"),
});

/** Its own name, since an object with a method of that name would be taken for a promise. */
const THEN = "then";
const Case = z.strictObject({ when: When, [THEN]: z.array(Name).min(1) });

type Nodes = { [name: string]: Node };

/** A node: exactly one of the words for what it does, and what every node may say. */
export interface Node extends z.output<z.ZodObject<typeof COMMON>> {
  readonly agent?: AgentRef;
  readonly task?: string;
  readonly instructions?: string;
  readonly output_schema?: Record<string, unknown>;
  readonly fallback?: AgentRef[];
  readonly retry?: Partial<RetryPolicy>;
  readonly cache?: { ttl: number };
  readonly high_risk?: boolean;
  /** A pattern of Baton's, such as `debate`, with its input. */
  readonly pattern?: string;
  readonly with?: Record<string, unknown>;
  /** A saved workflow, with its inputs. */
  readonly workflow?: string;
  readonly inputs?: Record<string, unknown>;
  readonly template?: string;
  readonly value?: string;
  readonly http?: z.output<typeof Http>;
  readonly file?: string;
  readonly control?: z.output<typeof Control>;
  readonly map?: {
    readonly over: string;
    readonly nodes: Nodes;
    readonly output?: string;
    readonly min_succeeded?: number;
  };
  readonly loop?: {
    readonly nodes: Nodes;
    readonly until: string;
    readonly max_rounds: number;
    readonly output?: string;
  };
  readonly race?: { readonly nodes: Nodes };
  readonly switch?: { readonly cases: z.output<typeof Case>[]; readonly else?: string[] };
  readonly verify?: z.output<typeof Verify>;
  readonly wait?: z.output<typeof Wait>;
}

const Nodes: z.ZodType<Nodes> = z.lazy(() => z.record(Name, Node));

/** The words of which a node has exactly one, and the words that go with each. */
export const KINDS = {
  agent: ["task", "instructions", "output_schema", "fallback", "retry", "cache", "high_risk"],
  pattern: ["with"],
  workflow: ["inputs"],
  template: [],
  value: [],
  http: ["retry", "output_schema", "verify", "high_risk"],
  file: [],
  control: ["high_risk"],
  map: [],
  loop: [],
  race: [],
  switch: [],
  wait: ["output_schema", "high_risk"],
} as const satisfies Record<string, readonly string[]>;
export type NodeKind = keyof typeof KINDS;

export const Node: z.ZodType<Node> = z.strictObject({
  ...COMMON,
  ...z.object(AgentNode).partial().shape,
  pattern: z.string().optional().describe("A pattern, such as debate; its input stands in `with`"),
  with: z.record(z.string(), z.unknown()).optional().describe("Templates inside; `= …` is CEL"),
  workflow: z.string().optional().describe("A saved workflow; what it is given stands in `inputs`"),
  inputs: z.record(z.string(), z.unknown()).optional().describe("Templates inside; `= …` is CEL"),
  template: Text.optional().describe("A text made without a model"),
  value: Cel.optional().describe("A value made without a model"),
  http: Http.optional().describe("A request to a host of the setting `hosts`"),
  verify: Verify.optional().describe("Tells after a crash whether the effect was had; else a person is asked"),
  file: Text.optional().describe("A file inside the setting `folders`"),
  control: Control.optional().describe("Does something to another run"),
  map: z
    .strictObject({
      over: Cel.describe("CEL that gives a list; inside, `item` and `index`"),
      nodes: Nodes,
      output: Cel.optional().describe("Of each item; default: what its last nodes give"),
      min_succeeded: z.int().min(0).optional().describe("Default: all"),
    })
    .optional(),
  loop: z
    .strictObject({
      nodes: Nodes,
      until: When.describe("CEL over the nodes inside and `round` (from 1)"),
      max_rounds: z.int().min(1).max(1000),
      output: Cel.optional(),
    })
    .optional(),
  race: z.strictObject({ nodes: Nodes }).optional().describe("The first that succeeds counts"),
  switch: z
    .strictObject({ cases: z.array(Case).min(1), else: z.array(Name).optional() })
    .optional()
    .describe("The first case that holds is taken; the nodes of the others are skipped"),
  wait: Wait.optional(),
}) as unknown as z.ZodType<Node>;

/** A workflow as somebody writes it: a graph of nodes over declared inputs and a typed state. */
export const Definition = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, "a workflow's name has small letters, digits, - and _ (at most 64)")
    .optional()
    .describe("Default: the name of its file"),
  version: z.string().max(50).optional(),
  description: z.string().optional().describe("What it is for, and when not to use it"),
  inputs: z.record(Name, Input).optional(),
  state: z.record(Name, StateKey).optional(),
  on: z.array(Event).min(1).optional().describe("Events that start it, with the event as the input `event`"),
  nodes: Nodes,
  output: z.unknown().optional().describe("Templates inside; `= …` is CEL. Default: what its last nodes give"),
});
export type Definition = z.output<typeof Definition>;

/** What a node does. */
export const kindOf = (node: Node): NodeKind | undefined =>
  (Object.keys(KINDS) as NodeKind[]).find((kind) => node[kind] !== undefined);
