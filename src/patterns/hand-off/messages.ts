import { z } from "zod";
import { isoTime } from "../../core/clock.ts";
import { acknowledgement, messageOf, Told, told } from "../../core/message.ts";
import { nthName } from "../../core/place.ts";
import type { Hop } from "./turn.ts";

/** A hand-over as one agent tells it to the next. */
export const HandOver = messageOf(z.literal("hand_over"), z.object({ reason: Told, notes: Told }));
type HandOver = z.output<typeof HandOver>;

/** Who had the task, how often it was asked, and when what it made of it was remembered. */
export interface Had {
  readonly name: string;
  readonly asked: number;
  readonly at: number;
}

/** Each hand-over is received by the turn that it leads to, and processed once that turn is remembered. */
export function messagesOf(hops: readonly Hop[], had: readonly Had[]): HandOver[] {
  return hops.map(({ from, to, reason, notes, at }, index) => {
    const step = stepOf(had.slice(0, index), from, had[index]?.asked ?? 1);
    return {
      ...{ id: `m${index + 1}`, from, to, timestamp: isoTime(at), type: "hand_over", correlation_id: "m1" },
      payload: { reason: told(reason, step), notes: told(notes, step) },
      acknowledged: [acknowledgement(to, stepOf(had.slice(0, index + 1), to, 1), had[index + 1]?.at)],
    };
  });
}

/** Where somebody stands in the journal when it is asked for the nth time after all these turns. */
function stepOf(before: readonly Had[], name: string, nth: number): string {
  const asked = before.filter((turn) => turn.name === name).reduce((sum, turn) => sum + turn.asked, 0);
  return nthName(name, asked + nth);
}
