import { type AgentRef, refName } from "../core/agent.ts";
import type { Deed } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
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
import { Call, type Teller } from "./call.ts";
import { changed } from "./changed.ts";
import { delegate, workflowOf } from "./delegate.ts";
import type { Frame } from "./frame.ts";
import { Nested } from "./nested.ts";
import type { Playing } from "./playing.ts";
import { ask } from "./question.ts";
import { Waiting } from "./waiting.ts";

/** The verbs, as they stand in one frame of a play. */
export function contextOf(play: Playing, frame: Frame): RunContext {
  return {
    call<T>(ref: AgentRef, task: Task<T>): Promise<Answer<T>> {
      if (!task.closing && frame.aside) freeAside(play, frame);
      return verb<Answer<T>>(play, frame, task.name ?? refName(ref), (place, tell) => {
        const asking = changed(play, frame, place, { task, tell: tell as Teller<Answer<unknown>> });
        const workflow = workflowOf(play, ref);
        if (workflow) return delegate(play, frame, place, workflow, asking.task, contextIn(play), asking.tell);
        const asked = ask(play.stage.desk, play.catalogue, ref, asking.task);
        new Call(play, frame, place, asked, asking.task, asking.tell).begin();
      });
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
        const inside = { pattern: pattern as unknown as Pattern, input, options, contextOf: contextIn(play) };
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

/**
 * Every verb begins here. While it is open its frame is not running; once the play is over, or the branch has lost,
 * it never settles, and the frames of the pattern are simply let go.
 */
function verb<T>(
  play: Playing,
  frame: Frame,
  name: string,
  begin: (place: string, tell: Teller<T>) => void,
): Promise<T> {
  if (play.over || frame.closed) {
    play.active--;
    play.idle();
    return new Promise<never>(() => {});
  }
  if (frame.busy !== undefined) {
    const why = `${name} began before ${frame.busy} had ended: only map does several things at once`;
    play.catastrophe(new Failure("OVERLAPPED", why, { step: frame.path }));
    return new Promise<never>(() => {});
  }
  frame.busy = name;
  play.active--;
  return new Promise<T>((resolve, reject) => {
    const settle = (give: () => void) => {
      if (play.over || frame.closed) return;
      frame.busy = undefined;
      play.active++;
      give();
    };
    const tell = {
      done: (value: T) => settle(() => resolve(value)),
      fail: (failure: Failure) => settle(() => reject(failure)),
    };
    begin(frame.next(name), tell);
    play.idle();
  });
}
