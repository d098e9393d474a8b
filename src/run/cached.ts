import { NOTHING } from "../core/budget.ts";
import type { ModelReply } from "../core/provider.ts";
import type { Write } from "../core/store.ts";
import { NO_USAGE } from "../core/usage.ts";
import { heldAttempt, type Standing } from "./asking.ts";
import { judged } from "./judging.ts";
import { tagOf } from "./question.ts";

export interface Remembered {
  readonly value: unknown;
  readonly model: string;
  readonly writes: readonly Write[];
}

/** How long the answer to this question may be kept; undefined: not at all. */
function cacheSeconds({ play, question, task }: Standing): number | undefined {
  if (task.cache === false || !play.stage.cache) return undefined;
  return task.cache?.ttl ?? question.spec.cache?.ttl ?? play.stage.cacheSeconds;
}

/**
 * A remembered answer to the very same question. One run takes it once, so that its samples stay independent, and none
 * in a retry or a fork, which are asked for because an answer was not good.
 */
export async function fromCache(standing: Standing): Promise<Remembered | undefined> {
  const { play, question, place } = standing;
  const { stage, run, memory, cachedPrints } = play;
  if (cacheSeconds(standing) === undefined || run.generation > 1 || cachedPrints.has(question.print)) return undefined;
  if (run.source !== undefined || memory.attempts(place).length > 0) return undefined;
  cachedPrints.add(question.print);
  const reply = await stage.cache?.get(run.caller, question.print).catch(() => undefined);
  const answer = reply && judged(standing, reply, false);
  if (!reply || !answer || "failure" in answer) return undefined;
  const model = question.spec.models[0] ?? "";
  const { system, prompt, shape } = question;
  const attempt = {
    id: memory.nextAttempt(),
    generation: run.generation,
    place,
    rung: 0,
    turn: 0,
    agent: tagOf(question),
    model,
    input: { system, messages: [{ role: "user" as const, content: prompt }], ...(shape && { shape }) },
    cached_answer: true,
    at: stage.clock.now(),
  };
  const ask = { input: 0, output: 0, least: 0, card: null };
  const hold = { attempt, ask, nodes: [], aside: NOTHING, steps: [] };
  const settled = {
    id: attempt.id,
    result: "ok",
    usage: NO_USAGE,
    estimated: false,
    reply: reply.text,
    ms: 0,
  } as const;
  const nothing = { output: 0, usd: 0, tokens: 0, clamped: false };
  memory.addAttempt({ ...heldAttempt(hold, run.epoch, nothing), ...settled, state: "settled" });
  return {
    value: answer.value,
    model,
    writes: [
      { do: "hold", hold },
      { do: "settle", settle: settled },
    ],
  };
}

/** Keeps an answer for whoever asks the same, where that is wanted; one that had to be mended is not kept. */
export function keepAnswer(standing: Standing, turn: number, reply: ModelReply): void {
  const seconds = turn === 0 ? cacheSeconds(standing) : undefined;
  if (seconds === undefined) return;
  const { stage, run } = standing.play;
  void stage.cache?.set(run.caller, standing.question.print, reply, seconds).catch(() => {});
}
