import type { AgentRef } from "../core/agent.ts";
import { refName } from "../core/agent.ts";
import { Failure, type FailureInfo } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Answer, MapOptions, Pattern, RunContext, Settled, Task, WaitAnswer, WaitAsk } from "../core/pattern.ts";
import { freeAside } from "./aside.ts";
import { Branches } from "./branches.ts";
import { Call, type Teller } from "./call.ts";
import { Frame } from "./frame.ts";
import { kept } from "./kept.ts";
import type { Playing } from "./playing.ts";
import { ask } from "./question.ts";
import { Waiting } from "./waiting.ts";

/** The verbs, as they stand in one frame of a play. */
export function contextOf(play: Playing, frame: Frame): RunContext {
  return {
    call<T>(ref: AgentRef, task: Task<T>): Promise<Answer<T>> {
      if (!task.closing && frame.aside) freeAside(play, frame);
      return verb<Answer<T>>(play, frame, task.name ?? refName(ref), (place, tell) => {
        const asked = ask(play.stage.desk, play.catalogue, ref, task);
        new Call(play, frame, place, asked, task, tell as Teller<Answer<unknown>>).begin();
      });
    },

    map<A, B>(
      items: readonly A[],
      branch: (item: A, ctx: RunContext, index: number) => Promise<B>,
      options: MapOptions = {},
    ): Promise<Settled<B>[]> {
      return verb<Settled<B>[]>(play, frame, "map", (place, tell) => {
        const work = {
          items,
          branch: (_: unknown, ctx: RunContext, index: number) => branch(items[index] as A, ctx, index),
          options,
          contextOf: (kid: Frame) => contextOf(play, kid),
        };
        new Branches(play, frame, place, work, tell as Teller<Settled<unknown>[]>).begin();
      });
    },

    wait: (name: string, request: WaitAsk) =>
      verb<WaitAnswer>(play, frame, name, (place, tell) => new Waiting(play, frame, place, request, tell).begin()),

    run: <I, O>(pattern: Pattern<I, O>, input: I) =>
      verb<O>(play, frame, pattern.name, (place, tell) => nested(play, frame, place, pattern, input, tell)),

    elapsed: () => frame.elapsed,
    spent: () => frame.spent,
    random: () => frame.random(play.run.seed),
    tell: (progress) => play.tell(progress),
    degrade: (reason) => frame.degrade([reason]),
  };
}

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

/** A pattern inside a pattern: one level deeper, and one line when it is done. */
function nested<I, O>(
  play: Playing,
  frame: Frame,
  place: string,
  pattern: Pattern<I, O>,
  input: I,
  tell: Teller<O>,
): void {
  const print = fingerprint({ kind: "run", pattern: pattern.name, input });
  const known = play.journal.recall(frame, place, "run", print);
  if (play.over) return;
  if (known?.error) return tell.fail(Failure.fromInfo(known.error));
  if (known) return tell.done(known.value as O);
  const inner = new Frame(place, frame.depth + 1, frame.caps, frame);
  const end = ({ value, error }: { readonly value?: O; readonly error?: FailureInfo }) => {
    play.active--;
    if (play.over || inner.closed) return play.idle();
    if (inner.open.size > 0) return play.catastrophe(new Failure("BUG", `${place} ended with a verb still open`));
    inner.close();
    const state = error ? ("failed" as const) : ("done" as const);
    const { elapsed: ms, spent: usage, degraded } = inner;
    const line = {
      place,
      kind: "run",
      print,
      state,
      ms,
      usage,
      ...(degraded.length > 0 && { degraded }),
      ...(error && { error }),
      ...(value !== undefined && { value }),
    } as const;
    frame.seq = Math.max(frame.seq, inner.seq);
    void play.journal.write([play.journal.newLine(frame, line)]);
    if (error) tell.fail(Failure.fromInfo(error));
    else tell.done(value as O);
    play.idle();
  };
  const { depth } = play.catalogue.limits;
  play.active++;
  if (inner.depth > depth) {
    const error = new Failure(
      "DEPTH_EXCEEDED",
      `${pattern.name} would be level ${inner.depth}, and ${depth} are allowed`,
    );
    return end({ error: error.toJSON() });
  }
  const run = async () =>
    kept(pattern.output.parse(await pattern.run(contextOf(play, inner), pattern.input.parse(input))));
  run().then(
    (value) => end({ value }),
    (error: unknown) => {
      const failure = Failure.from(error);
      if (failure.kind === "catastrophic") return play.catastrophe(failure);
      end({ error: failure.toJSON() });
    },
  );
}
