import { z } from "zod";
import type { DeedFunction } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import { hasEnded } from "../core/status.ts";
import type { RunStore } from "../core/store.ts";

const Wish = z.strictObject({ run: z.string().min(1), action: z.enum(["cancel", "retry", "requeue"]) });

/** Where runs are, and who is told that one was changed. */
export interface Runs {
  readonly store: Pick<RunStore, "get" | "cancel" | "again">;
  nudge(run: string): void;
}

/** Cancels, retries or requeues another run of the same caller. Done twice, it is as if it were done once. */
export const controlDeed = (runs: () => Runs): DeedFunction => ({
  name: "control",
  check: (input) => void wished(input),
  async perform(input, { run: own, caller }) {
    const { run: id, action } = wished(input);
    const { store, nudge } = runs();
    const run = await store.get(id);
    if (run?.caller !== caller)
      throw new Failure("NOT_FOUND", `there is no run ${JSON.stringify(id.slice(0, 80))} of this caller`);
    if (id === own) throw new Failure("INVALID_INPUT", "a run cannot control itself");
    const isDone = action === "cancel" ? hasEnded(run.status) : !hasEnded(run.status);
    if (isDone) return { run: id, status: run.status, changed: false };
    const after = await (action === "cancel"
      ? store.cancel(id, `run ${own}`)
      : store.again(id, action === "retry" ? "failed" : "dead"));
    nudge(id);
    return { run: id, status: after.status, changed: true };
  },
});

function wished(input: unknown): z.output<typeof Wish> {
  const { success, data } = Wish.safeParse(input);
  if (success) return data;
  throw new Failure("INVALID_INPUT", "control needs a run and one of cancel, retry, requeue");
}
