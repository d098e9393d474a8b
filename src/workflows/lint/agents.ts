import { type AgentRef, refName } from "../../core/agent.ts";
import type { Node } from "../definition.ts";
import type { Anatomy, Site } from "../levels.ts";
import type { Finding } from "../problems.ts";
import { nodesRead, partsOf, readsOf } from "../references.ts";
import type { World } from "../world.ts";
import { agentsReadBy } from "./judges.ts";

/** Too many agents for the work, too few for what hangs on them, and too much or too little between them. */
export function lintAgents(anatomy: Anatomy, world: World): Finding[] {
  const source = anatomy.sites.length > 1 ? onlySource(anatomy) : undefined;
  return [
    ...alone(anatomy),
    ...overlapping(anatomy, world),
    ...anatomy.sites.flatMap((site) => [...joins(site), ...greedy(site), ...critical(site, source, world)]),
  ];
}

/** A graph around a single question. */
function alone({ sites }: Anatomy): Finding[] {
  const [only, another] = sites;
  if (!only || another || only.node.agent === undefined) return [];
  const message = "one agent and nothing else needs no workflow";
  return [{ path: ["nodes"], named: true, message, hint: "run_agent does the same with less" }];
}

/** From so much of their words in common on, two agents are told the same. */
const ALIKE = 0.8;
/** Of fewer words nothing can be said. */
const FEWEST = 8;

/** Two agents of the workflow that are told nearly the same. */
function overlapping({ sites }: Anatomy, { agents }: World): Finding[] {
  const told = new Map<string, { readonly site: Site; readonly words: ReadonlySet<string> }>();
  for (const site of sites) {
    const ref = refOf(site.node);
    const spec = ref && agents?.spec?.(ref);
    if (ref && spec && !told.has(JSON.stringify(ref)))
      told.set(JSON.stringify(ref), { site, words: wordsOf(spec.system) });
  }
  const all = [...told.values()];
  return all.flatMap(({ site, words }, i) => {
    const other = all.slice(0, i).find((each) => areAlike(each.words, words));
    if (!other) return [];
    const names = [other.site, site].map(({ node }) => `\`${node.agent && refName(node.agent)}\``).join(" and ");
    const message = `${names} are told nearly the same`;
    return [{ path: [...site.path, "agent"], message, hint: "use one of them, or give each a task of its own" }];
  });
}

/** The agent of a node with all that it is told. */
function refOf({ agent, instructions }: Node): AgentRef | undefined {
  if (agent === undefined || instructions === undefined) return agent;
  return { agent: refName(agent), instructions };
}

function areAlike(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (Math.min(a.size, b.size) < FEWEST) return false;
  const both = [...a].filter((word) => b.has(word)).length;
  return both / (a.size + b.size - both) >= ALIKE;
}

const wordsOf = (text: string): ReadonlySet<string> => new Set(text.toLowerCase().match(/\p{L}{3,}/gu) ?? []);

const isAsking = ({ agent, pattern }: Node): boolean => agent !== undefined || pattern !== undefined;

/** Answers of agents side by side, which have no form, put together by another. */
function joins(site: Site): Finding[] {
  if (!isAsking(site.node)) return [];
  const { graph } = site.level;
  const free = agentsReadBy(site).filter(({ node }) => node.output_schema === undefined);
  const beside = free.filter((one) =>
    free.some(
      (other) => other !== one && !graph.precedes(one.name, other.name) && !graph.precedes(other.name, one.name),
    ),
  );
  if (beside.length < 2) return [];
  const names = beside.map(({ name }) => `\`${name}\``);
  const message = `it joins ${names.slice(0, -1).join(", ")} and ${names.at(-1)}, whose answers have no form`;
  const hint = "give each an `output_schema`, so that nothing is lost or made up where they meet";
  return [{ path: site.path, named: true, message, hint }];
}

/** So many nodes nobody needs to read whole. */
const MANY = 4;

/** A step that is given all that went before, instead of what it needs. */
function greedy({ path, node, name, level }: Site): Finding[] {
  if (!isAsking(node)) return [];
  const reads = partsOf(node)
    .filter(({ prompt }) => prompt)
    .flatMap(readsOf);
  const whole = reads.find((read) => ["state", "last"].includes(read.variable) && read.name === undefined);
  const hint = "name what it needs; a shorter prompt is cheaper, faster and better understood";
  if (whole) return [{ path, named: true, message: `\`${name}\` reads the whole of \`${whole.variable}\``, hint }];
  const read = [...nodesRead(node)].filter((one) => Object.hasOwn(level.nodes, one));
  if (read.length < MANY) return [];
  const given = [...level.graph.ancestors(name)].filter((one) => !level.nodes[one]?.switch);
  const isAll = given.every((one) => read.includes(one));
  const isChain = read.some((one) => read.some((other) => level.graph.precedes(one, other)));
  return isAll && isChain
    ? [{ path, named: true, message: `\`${name}\` reads everything that was made before it`, hint }]
    : [];
}

/** A step on which the whole hangs, and nobody who takes its place. */
function critical({ path, node, name, level }: Site, source: string | undefined, { agents }: World): Finding[] {
  const { effect, compensate, on_error, agent } = node;
  if (effect && compensate === undefined && on_error === undefined && !level.graph.sinks.includes(name)) {
    const message = `where a later node fails, nobody takes back what \`${name}\` did`;
    return [{ path: [...path, "effect"], named: true, message, hint: "say with `compensate` how it is taken back" }];
  }
  if (agent === undefined || on_error !== undefined || (node.fallback ?? []).length > 0) return [];
  if ((agents?.spec?.(agent)?.models.length ?? 1) > 1) return [];
  const hint = "name others in `fallback`, or let a person decide (`on_error: human`)";
  if (node.high_risk)
    return [
      { path, named: true, message: `\`${name}\` is of high risk, and nobody takes its place if it fails`, hint },
    ];
  if (level.block || source !== name) return [];
  return [
    { path, named: true, message: `all that comes out is \`${name}\`'s, and nobody takes its place if it fails`, hint },
  ];
}

/** The one node that gives the output. */
function onlySource({ definition, top, places }: Anatomy): string | undefined {
  const read = places.filter(({ site }) => !site).flatMap(({ part }) => readsOf(part));
  const names =
    definition.output === undefined
      ? top.graph.sinks
      : read.flatMap(({ variable, name }) => (variable === "nodes" && name ? name : []));
  const [only, another] = [...new Set(names)];
  return another === undefined ? only : undefined;
}
