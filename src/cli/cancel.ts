import { hasEnded } from "../core/status.ts";
import { OK } from "./complain.ts";
import { looking } from "./looking.ts";
import { byHand } from "./pause.ts";
import type { CommonOptions } from "./settings.ts";

/** `baton cancel`: ends one run, whoever started it and whoever plays it; what was done is kept. */
export const cancel = (id: string, options: CommonOptions): Promise<number> =>
  looking(options, async ({ open }) => {
    const { store } = await open();
    const before = await store.get(id);
    const { status } = await store.cancel(id, byHand());
    process.stdout.write(`${sentence(id, before !== undefined && hasEnded(before.status), status)}\n`);
    return OK;
  });

function sentence(id: string, wasOver: boolean, status: string): string {
  if (wasOver) return `${id} had ended before: it is ${status}.`;
  return status === "cancelled"
    ? `${id} is cancelled.`
    : `${id} ends as soon as whoever plays it hears of it; its requests in flight are closed.`;
}
