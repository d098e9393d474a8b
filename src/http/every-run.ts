import type { Run, RunStore } from "../core/store.ts";

const PAGE = 200;

/** Pauses or resumes all runs for which that changes something: those of a caller, or everybody's. */
export async function everyRun(
  store: RunStore,
  does: "pause" | "resume",
  whose: { readonly caller?: string },
  by: string,
): Promise<readonly Run[]> {
  const found: string[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const from = cursor === undefined ? {} : { cursor };
    const page = await store.list({ ...whose, status: ["queued", "running", "waiting"], limit: PAGE, ...from });
    found.push(...page.runs.filter(({ paused }) => paused === (does === "resume")).map(({ id }) => id));
    cursor = page.next;
  }
  return Promise.all(found.map((id) => store[does](id, by)));
}
