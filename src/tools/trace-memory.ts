import type { Memory, Run, RunStore } from "../core/store.ts";
import { withUndoings } from "../core/undoing.ts";

/** What a run remembers, with how its deeds were taken back by other runs. */
export async function traceMemory(store: RunStore, { id }: Run): Promise<Memory> {
  const [memory, undoings] = await Promise.all([store.memory(id), store.undoings(id)]);
  const told = undoings.map(async (run) => ({ run, memory: await store.memory(run.id) }));
  return withUndoings(memory, await Promise.all(told));
}
