import { type AgentRef, type AgentSpec, refName } from "../core/agent.ts";
import { counted, listed } from "../core/texts.ts";

/** Whom a reference means. */
type Who = (ref: AgentRef) => AgentSpec | undefined;

/** From so much of their words in common on, two agents are told the same. */
const ALIKE = 0.8;
/** Of fewer words nothing can be said. */
const FEWEST = 8;

/** Do both references mean the same agent, told the same? */
function isSame(a: AgentRef, b: AgentRef, who: Who): boolean {
  const [one, other] = [who(a), who(b)];
  return one && other ? one.name === other.name && one.version === other.version : refName(a) === refName(b);
}

/** Says it where somebody judges work that is also its own. */
export function judgesItself(role: string, judge: AgentRef, makers: readonly AgentRef[], who: Who): string[] {
  if (!makers.some((maker) => isSame(judge, maker, who))) return [];
  return [`the ${role} ${listed([refName(judge)])} judges its own work: let another agent, or another model, do it`];
}

/** Says it where several answers come from one and the same agent. */
export function oneVoice(refs: readonly AgentRef[], who: Who): string[] {
  const [first, ...others] = refs;
  if (first === undefined || others.length === 0 || !others.every((ref) => isSame(first, ref, who))) return [];
  return [`every answer is ${listed([refName(first)])}'s: agents or models that differ catch each other's mistakes`];
}

/** Says it where two agents are told nearly the same, so that one of them adds little. */
export function overlapping(refs: readonly AgentRef[], who: Who): string[] {
  const told = refs.flatMap((ref) => {
    const spec = who(ref);
    return spec ? [{ name: spec.name, model: spec.models[0], version: spec.version, words: wordsOf(spec.system) }] : [];
  });
  return told.flatMap((one, at) => {
    const other = told.slice(0, at).find((each) => each.model === one.model && areAlike(each, one));
    if (!other) return [];
    return other.version === one.version
      ? [`${listed([one.name])} stands there more than once: the same agent says much the same again`]
      : [
          `${listed([other.name, one.name])} are told nearly the same and asked of the same model: one of them adds little`,
        ];
  });
}

interface Told {
  readonly version: string;
  readonly words: ReadonlySet<string>;
}

function areAlike(a: Told, b: Told): boolean {
  if (a.version === b.version) return true;
  if (Math.min(a.words.size, b.words.size) < FEWEST) return false;
  const both = [...a.words].filter((word) => b.words.has(word)).length;
  return both / (a.words.size + b.words.size - both) >= ALIKE;
}

const wordsOf = (text: string): ReadonlySet<string> => new Set(text.toLowerCase().match(/\p{L}{3,}/gu) ?? []);

/** Says it where a team of one does what a single agent does. */
export const tooFew = (count: number, thing: string): string[] =>
  count > 1 ? [] : [`${counted(count, thing)} needs no pattern around it: run_agent does the same with less`];
