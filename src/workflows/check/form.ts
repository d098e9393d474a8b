import { refName } from "../../core/agent.ts";
import { isLiteral } from "../../core/filling.ts";
import { KINDS, type Node, type NodeKind } from "../definition.ts";
import { type Anatomy, outward, type Site } from "../levels.ts";
import type { Finding } from "../problems.ts";
import { innerNodes, type Path } from "../references.ts";

const EVERY_KIND = Object.keys(KINDS) as NodeKind[];

/** Which kinds go with a word that belongs to some kinds only. */
const OWNERS = new Map<string, NodeKind[]>();
for (const kind of EVERY_KIND) for (const word of KINDS[kind]) OWNERS.set(word, [...(OWNERS.get(word) ?? []), kind]);

/** The words that change the world, and so have an effect. */
const ACTING: readonly NodeKind[] = ["http", "control"];

/** Names that CEL cannot read behind a dot, or that every object has. */
const RESERVED = new Set(["in", "true", "false", "null", ...Object.getOwnPropertyNames(Object.prototype)]);

/** What is wrong with a definition whoever reads it: words that do not go together, and names that cannot be. */
export const checkForm = (anatomy: Anatomy): Finding[] => [
  ...reserved(anatomy),
  ...anatomy.levels.flatMap(({ path, nodes }) =>
    Object.keys(nodes).length === 0
      ? [{ path, named: true, message: "there are no nodes here; at least one is needed" }]
      : [],
  ),
  ...anatomy.sites.flatMap((site) => [
    ...kindsOf(site),
    ...plainNames(site),
    ...shadows(site),
    ...effects(site),
    ...waits(site),
    ...races(site),
  ]),
];

function reserved({ definition, sites }: Anatomy): Finding[] {
  const { inputs = {}, state = {}, on } = definition;
  const paths = [
    ...Object.keys(inputs).map((name) => ["inputs", name]),
    ...Object.keys(state).map((name) => ["state", name]),
    ...sites.map(({ path }) => path),
  ];
  const found = paths
    .filter((path) => RESERVED.has(String(path.at(-1))))
    .map((path) => ({ path, named: true, message: `the name \`${path.at(-1)}\` is reserved; choose another` }));
  if (!on || !Object.hasOwn(inputs, "event")) return found;
  const message = "the name `event` is reserved: with `on`, it is the input that holds the event";
  return [...found, { path: ["inputs", "event"], named: true, message }];
}

function kindsOf({ path, name, node }: Site): Finding[] {
  const kinds = EVERY_KIND.filter((kind) => node[kind] !== undefined);
  const [kind, second] = kinds;
  if (kind === undefined)
    return [{ path, named: true, message: `\`${name}\` does nothing; it needs one of ${EVERY_KIND.join(", ")}` }];
  if (second !== undefined) {
    const message = `\`${name}\` does two things, ${kinds.map((one) => `\`${one}\``).join(" and ")}`;
    return [{ path: [...path, second], named: true, message, hint: "make a node of each" }];
  }
  if (kind === "agent" && node.task === undefined)
    return [{ path: [...path, "agent"], named: true, message: "`task` is missing: what the agent is to do" }];
  return Object.keys(node).flatMap((word) => foreign(path, node, kind, word));
}

/** Whom a node names is told before it is played, so that a run knows all that it may meet. */
function plainNames({ path, node }: Site): Finding[] {
  const named = [
    ["agent", node.agent === undefined ? undefined : refName(node.agent)],
    ["pattern", node.pattern],
    ["workflow", node.workflow],
  ] as const;
  return named
    .filter(([, name]) => name !== undefined && !isLiteral(name))
    .map(([word]) => ({ path: [...path, word], message: `\`${word}\` takes a name as it is, and no template` }));
}

/** A word that stands with a kind it does not belong to. */
function foreign(path: Site["path"], node: Node, kind: NodeKind, word: string): Finding[] {
  const owners = OWNERS.get(word);
  if (!owners || owners.includes(kind) || node[word as keyof Node] === undefined) return [];
  const message = `\`${word}\` does not go with \`${kind}\`; it goes with ${owners.map((one) => `\`${one}\``).join(" and ")}`;
  const [own] = KINDS[kind];
  const isInput = ["with", "inputs"].includes(word) && (own === "with" || own === "inputs");
  return [{ path: [...path, word], named: true, message, ...(isInput && { hint: `write \`${own}\`` }) }];
}

/** A name inside a block that means another node outside of it. */
function shadows({ path, name, level }: Site): Finding[] {
  const [, ...above] = outward(level);
  const outer = above.find((each) => Object.hasOwn(each.nodes, name));
  if (!outer) return [];
  const message = `the name \`${name}\` is that of a node around this block; inside, choose another`;
  return [{ path, named: true, message }];
}

function effects({ path, node }: Site): Finding[] {
  const acts = ACTING.some((kind) => node[kind] !== undefined);
  if (node.effect !== undefined && !acts) {
    const message = `\`effect\` goes with ${ACTING.map((kind) => `\`${kind}\``).join(" and ")}; this node changes nothing outside`;
    return [{ path: [...path, "effect"], named: true, message }];
  }
  if (node.verify !== undefined && node.effect !== true) {
    const message = "`verify` tells whether an effect was had, and this node says of none that it may not be repeated";
    return [{ path: [...path, "verify"], named: true, message, hint: "say `effect: true`" }];
  }
  if (node.compensate === undefined || node.effect) return [];
  const message = "`compensate` takes an effect back, and this node has none";
  return [{ path: [...path, "compensate"], named: true, message, ...(acts && { hint: "say `effect: true`" }) }];
}

/** What a node can wait for: one of these. */
export const WAITS = ["approval", "answer", "event", "seconds"] as const;

function waits({ path, node: { wait } }: Site): Finding[] {
  if (!wait) return [];
  const words = WAITS.filter((word) => wait[word] !== undefined);
  const [word, second] = words;
  const at = [...path, "wait"];
  if (word === undefined)
    return [{ path: at, named: true, message: `it waits for nothing; say one of ${WAITS.join(", ")}` }];
  if (second !== undefined) {
    const message = `it waits for two things, ${words.map((one) => `\`${one}\``).join(" and ")}`;
    return [{ path: [...at, second], named: true, message, hint: "make a node of each" }];
  }
  const idle = (name: keyof typeof wait, message: string): Finding[] =>
    wait[name] === undefined ? [] : [{ path: [...at, name], named: true, message }];
  if (word === "seconds")
    return ([...PERSONAL, "within_seconds", "on_expiry", "default"] as const).flatMap((name) =>
      idle(name, `\`${name}\` means nothing in a pause`),
    );
  const amiss = [...impersonal(word, idle), ...unapproved(word, wait.on_expiry, at), ...torn(wait, at)];
  if (amiss.length > 0) return amiss;
  if (wait.within_seconds !== undefined) return [];
  const never = "without `within_seconds` it never expires";
  return [...idle("on_expiry", never), ...idle("default", never)];
}

type Wait = NonNullable<Site["node"]["wait"]>;
type Idle = (name: keyof Wait, message: string) => Finding[];

/** Words for waits that people settle. */
const PERSONAL = ["action", "self", "approvers", "escalate"] as const;

function impersonal(word: (typeof WAITS)[number], idle: Idle): Finding[] {
  if (word === "approval") return [];
  const names = word === "event" ? PERSONAL : (["action"] as const);
  return names.flatMap((name) => idle(name, `\`${name}\` goes with \`approval\`, and this waits for ${article(word)}`));
}

const article = (word: string): string => (/^[ae]/.test(word) ? `an ${word}` : `a ${word}`);

function torn({ self, approvers }: Wait, at: Path): Finding[] {
  if (!self || !approvers) return [];
  const message = "`self` lets the model decide that has called for the run, and `approvers` only those it names";
  return [{ path: [...at, "self"], named: true, message, hint: "leave one of them out" }];
}

function unapproved(word: (typeof WAITS)[number], on_expiry: Wait["on_expiry"], at: Path): Finding[] {
  if (word === "approval" || (on_expiry !== "approve" && on_expiry !== "reject")) return [];
  return [
    { path: [...at, "on_expiry"], message: `\`${on_expiry}\` is for an approval, and this waits for ${article(word)}` },
  ];
}

function races({ path, node, level }: Site): Finding[] {
  const runners = Object.keys(node.race ? (innerNodes(node) ?? {}) : {});
  const few: Finding[] =
    runners.length === 1
      ? [{ path: [...path, "race"], named: true, message: "a race needs two nodes or more, and this one has one" }]
      : [];
  if (!level.block?.node.race) return few;
  const [followed] = level.graph.before.get(path.at(-1) as string) ?? [];
  if (followed === undefined) return few;
  const message = `the nodes of a race run against each other, and this one follows \`${followed}\``;
  return [...few, { path, named: true, message, hint: "put the two into one block or a workflow of their own" }];
}
