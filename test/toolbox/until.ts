import { setTimeout as sleep } from "node:timers/promises";
import { PATIENCE_MS } from "../house.ts";

/** Waits for something that other processes do, as long as anything may take here. */
export async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!isSo()) {
    if (Date.now() > end) throw new Error("it never came to be");
    await sleep(20);
  }
}
