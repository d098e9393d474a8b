import { shown, type Taped, type TapedRequest } from "./cassette.ts";
import { canonical } from "./fingerprint.ts";
import { diffLines } from "./line-diff.ts";
import { otherwise, type TapedMessage } from "./taped-message.ts";

/** In words, where a request that is on no cassette first departs from the one that it was to be. */
export function drift(asked: TapedRequest, agent: string, nth: number, taped: readonly Taped[]): string {
  const same = taped.filter((one) => one.agent === agent);
  const meant = nearest(asked, same.length > 0 ? same : taped, nth);
  if (!meant) return "the cassette holds no requests";
  const where = `it was to be ${meant.place} (${meant.agent})`;
  const differs = firstDifference(meant.request, asked);
  return differs === undefined
    ? `${where}, and says the same but for what was taken out as a secret`
    : `${where}: ${differs}`;
}

/** What it was to be is what it is most like; of several, the one that was asked for as manieth. */
function nearest(asked: TapedRequest, taped: readonly Taped[], nth: number): Taped | undefined {
  const far = taped.map(({ request }) => distance(request, shown(asked)));
  const least = Math.min(...far);
  const near = taped.filter((_, n) => far[n] === least);
  const inTurn = taped[Math.min(nth, taped.length) - 1];
  return near.find((one) => one === inTurn) ?? near[0];
}

/** How many lines tell two requests apart. */
function distance(taped: TapedRequest, now: TapedRequest): number {
  const texts = ({ system, messages }: TapedRequest) => [system, ...messages.map(({ content }) => content)];
  const [before, after] = [texts(taped), texts(now)];
  const lines = Array.from({ length: Math.max(before.length, after.length) }, (_, n) =>
    changed(before[n] ?? "", after[n] ?? ""),
  );
  const beside = [taped.model !== now.model, canonical(taped.shape) !== canonical(now.shape)].filter(Boolean);
  return lines.reduce((sum, some) => sum + some, beside.length);
}

const changed = (before: string, after: string): number =>
  before === after ? 0 : diffLines(before, after).filter(({ sign }) => sign !== " ").length;

function firstDifference(taped: TapedRequest, asked: TapedRequest): string | undefined {
  const now = shown(asked);
  if (taped.model !== now.model) return `the model was ${taped.model} and is ${now.model}`;
  if (taped.system !== now.system) return `the instructions differ${atLine(taped.system, now.system)}`;
  for (let n = 0; n < Math.max(taped.messages.length, now.messages.length); n++) {
    const differs = difference(taped.messages[n], now.messages[n]);
    if (differs !== undefined) return `message ${n + 1} (${(taped.messages[n] ?? now.messages[n])?.role}) ${differs}`;
  }
  if (canonical(taped.tools) !== canonical(now.tools)) return "other tools are offered";
  return canonical(taped.shape) === canonical(now.shape) ? undefined : "the shape that is asked for differs";
}

function difference(old: TapedMessage | undefined, fresh: TapedMessage | undefined): string | undefined {
  if (!old || !fresh) return old ? "is missing" : "is new";
  const isSame = old.role === fresh.role && old.content === fresh.content;
  return isSame ? otherwise(old, fresh) : `differs${atLine(old.content, fresh.content)}`;
}

const SHOWN = 200;

function atLine(before: string, after: string): string {
  const lines = diffLines(before, after);
  const at = lines.findIndex(({ sign }) => sign !== " ");
  const cut = (text: string | undefined) => (text === undefined ? "nothing" : JSON.stringify(text.slice(0, SHOWN)));
  const near = lines.slice(at);
  const was = near.find(({ sign }) => sign === "-")?.text;
  const is = near.find(({ sign }) => sign === "+")?.text;
  return ` at line ${at + 1}: it was ${cut(was)} and is ${cut(is)}`;
}
