import { z } from "zod";
import { isoTime } from "../../core/clock.ts";
import { acknowledgement, messageOf } from "../../core/message.ts";
import type { Given } from "./ledger.ts";

/** An assignment as it goes to its worker; what it says stands in the assignment that it names. */
export const Giving = messageOf(z.literal("assignment"), z.object({ assignment: z.int() }));
type Giving = z.output<typeof Giving>;

/** It is received by the step that had it as its question, and processed once that step is remembered. */
export const givings = (given: readonly Given[]): Giving[] =>
  given.map(({ id, worker, at, step, done_at }) => ({
    ...{ id: `m${id}`, from: "supervisor", to: worker, timestamp: isoTime(at), type: "assignment" },
    correlation_id: `a${id}`,
    payload: { assignment: id },
    acknowledged: step === undefined ? [] : [acknowledgement(worker, step, done_at)],
  }));
