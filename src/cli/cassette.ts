import { tape, writeCassette } from "../core/cassette.ts";
import { Failure } from "../core/errors.ts";
import type { Attempt, Run, RunStore } from "../core/store.ts";
import { OK } from "./complain.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

/** `baton export --cassette`: a run as one file that plays back without its providers. */
export const exportCassette = (id: string, common: CommonOptions): Promise<number> =>
  looking(common, async (baton) => {
    const { store } = await baton.open();
    const run = await store.get(id);
    if (!run) throw new Failure("NOT_FOUND", `there is no run ${id}`, { hint: "baton runs lists them." });
    process.stdout.write(writeCassette(tape(run, { attempts: await attemptsOf(store, run) })));
    return OK;
  });

/** What a fork has reused was asked by its source, or by the source of that. */
async function attemptsOf(store: RunStore, run: Run): Promise<readonly Attempt[]> {
  const { lines, attempts } = await store.memory(run.id);
  const reused = new Set(lines.flatMap(({ reused, place, kind }) => (reused && kind === "call" ? [place] : [])));
  const source = run.source === undefined || reused.size === 0 ? undefined : await store.get(run.source);
  if (!source) return attempts;
  const before = (await attemptsOf(store, source)).filter(({ place }) => reused.has(place));
  const last = Math.max(0, ...before.map(({ id }) => id));
  return [...before, ...attempts.map((attempt) => ({ ...attempt, id: attempt.id + last }))];
}
