import { type AgentRef, refName } from "../core/agent.ts";
import type { Deed } from "../core/deed.ts";
import type {
  Answer,
  MapOptions,
  Pattern,
  RunContext,
  RunOptions,
  Settled,
  Task,
  WaitAnswer,
  WaitAsk,
} from "../core/pattern.ts";
import { Act } from "./act.ts";
import { freeAside } from "./aside.ts";
import { Branches } from "./branches.ts";
import type { Teller } from "./call.ts";
import { answerCall } from "./executors.ts";
import type { Frame } from "./frame.ts";
import { Nested } from "./nested.ts";
import { patternInside } from "./pattern-inside.ts";
import type { Playing } from "./playing.ts";
import { verb } from "./verb.ts";
import { Waiting } from "./waiting.ts";

/** The verbs, as they stand in one frame of a play. */
export function contextOf(play: Playing, frame: Frame): RunContext {
  return {
    call<T>(ref: AgentRef, task: Task<T>): Promise<Answer<T>> {
      if (!task.closing && frame.aside) freeAside(play, frame);
      return verb<Answer<T>>(play, frame, task.name ?? refName(ref), (place, tell) =>
        answerCall({
          play,
          frame,
          place,
          ref,
          task,
          tell: tell as Teller<Answer<unknown>>,
          contextOf: contextIn(play),
        }),
      );
    },

    map<A, B>(
      items: readonly A[],
      branch: (item: A, ctx: RunContext, index: number, before: readonly Settled<B>[]) => Promise<B>,
      options: MapOptions = {},
    ): Promise<Settled<B>[]> {
      return verb<Settled<B>[]>(play, frame, "map", (place, tell) => {
        const work = {
          items,
          branch: (_: unknown, ctx: RunContext, index: number, before: readonly Settled<unknown>[]) =>
            branch(items[index] as A, ctx, index, before as readonly Settled<B>[]),
          options,
          contextOf: contextIn(play),
        };
        new Branches(play, frame, place, work, tell as Teller<Settled<unknown>[]>).begin();
      });
    },

    wait: (name: string, request: WaitAsk) =>
      verb<WaitAnswer>(play, frame, name, (place, tell) => new Waiting(play, frame, place, request, tell).begin()),

    run: <I, O>(pattern: Pattern<I, O>, input: I, options: RunOptions = {}) =>
      verb<O>(play, frame, options.name ?? pattern.name, (place, tell) => {
        const inside = patternInside(play, { pattern: pattern as unknown as Pattern, input, options }, contextIn(play));
        new Nested(play, frame, place, inside, { ...tell, done: (line) => tell.done(line.value as O) }).begin();
      }),

    act: (name: string, deed: Deed) =>
      verb<unknown>(play, frame, name, (place, tell) => new Act(play, frame, place, deed, tell).begin()),

    elapsed: () => frame.elapsed,
    spent: () => frame.spent,
    random: () => frame.random(play.run.seed),
    tell: (progress) => play.tell(progress),
    degrade: (reason) => frame.degrade([reason]),
    workflow: (name) => play.catalogue.workflows?.[name],
    limits: play.catalogue.limits,
  };
}

const contextIn = (play: Playing) => (frame: Frame) => contextOf(play, frame);
