import { type AgentRef, refName } from "../../core/agent.ts";
import { isLiteral } from "../../core/filling.ts";
import type { Anatomy, Site } from "../levels.ts";
import { siteOf } from "../levels.ts";
import type { Finding } from "../problems.ts";
import { nodesRead, partsOf, readsOf } from "../references.ts";
import type { World } from "../world.ts";

/** Judges of their own work, and what the patterns say of their inputs. */
export const lintJudges = (anatomy: Anatomy, world: World): Finding[] =>
  anatomy.sites.flatMap((site) => [...inLoop(site), ...inPattern(site, world)]);

/** A loop whose end is told by an agent that has made what it judges. */
function inLoop({ node, path }: Site): Finding[] {
  if (!node.loop) return [];
  const { nodes } = node.loop;
  const until = partsOf(node).find((part) => part.path.at(-1) === "until");
  const judges = new Set(
    (until ? readsOf(until) : []).flatMap(({ name }) => (name && Object.hasOwn(nodes, name) ? name : [])),
  );
  return [...judges].flatMap((judge) => {
    const own = nodes[judge];
    const makers = own ? [...nodesRead(own)].filter((name) => isSame(nodes[name], own)) : [];
    if (!own?.agent || makers.length === 0) return [];
    const message = `\`${judge}\` judges what \`${makers[0]}\` made, and both are \`${refName(own.agent)}\``;
    return [{ path: [...path, "loop", "nodes", judge, "agent"], message, hint: OTHER }];
  });
}

const OTHER = "let another agent judge: nobody finds his own mistakes";

type Asked = Site["node"] | undefined;

const isSame = (one: Asked, other: Asked): boolean =>
  one?.agent !== undefined &&
  other?.agent !== undefined &&
  JSON.stringify([one.agent, one.instructions]) === JSON.stringify([other.agent, other.instructions]);

/** What the pattern itself would change in its input; where that is told in part only, at least that nobody judges his own. */
function inPattern({ node, path }: Site, { patterns, agents }: World): Finding[] {
  const pattern = node.pattern === undefined ? undefined : patterns.get(node.pattern);
  const at = { path: [...path, "with"], named: true };
  const { success, data } = pattern?.input.safeParse(node.with ?? {}) ?? { success: false, data: undefined };
  if (success && pattern?.advice)
    return pattern.advice(data, (ref) => agents?.spec?.(ref)).map((message) => ({ ...at, message }));
  const input = node.with ?? {};
  const makers = MAKERS.flatMap((name) => refsIn(input[name]));
  const judge = JUDGES.find((name) => refsIn(input[name]).some((ref) => makers.includes(ref)));
  if (judge === undefined) return [];
  const message = `the ${judge} is one of those whose work is judged`;
  return [{ path: [...path, "with", judge], message, hint: OTHER }];
}

const JUDGES = ["judge", "critic", "moderator", "validator"];
const MAKERS = ["voters", "maker", "participants", "workers", "agents"];

/** The agents that stand in a part of an input, each as text. */
function refsIn(value: unknown): string[] {
  const refs = (Array.isArray(value) ? value : [value]) as (AgentRef | undefined)[];
  return refs.flatMap((ref) =>
    (typeof ref === "string" && !isLiteral(ref)) || ref === undefined ? [] : JSON.stringify(ref),
  );
}

/** The agent nodes beside a node whose output it reads. */
export function agentsReadBy({ level, node }: Site): Site[] {
  return [...nodesRead(node)].flatMap((name) => {
    const site = siteOf(level, name);
    return site?.node.agent === undefined || site.level !== level ? [] : site;
  });
}
