import { LOCAL_CALLER } from "../core/caller.ts";
import type { Baton, OpenRooms } from "../server.ts";

/** What marks the run that nobody asked for. */
export const EXAMPLE_LABEL = "example";

const REHEARSED = "rehearsal/default";

const EXAMPLE = {
  task: "Name what matters most when several agents work on one question. Material: agree on the goal first; give every agent one responsibility; keep the money bounded; write down what each of them said; let a person settle what only a person may settle.",
  agents: [
    { agent: REHEARSED, instructions: "You look for risks." },
    { agent: REHEARSED, instructions: "You look for opportunities." },
    { agent: REHEARSED, instructions: "You look at the cost." },
  ],
  aggregator: { agent: REHEARSED, instructions: "You merge the views into one." },
};

/** Where no run was ever made, plays one on the rehearsal model, so that page and trace have something true to show. */
export async function playExample({ patterns, config, log }: Baton, { store, engine }: OpenRooms): Promise<void> {
  const pattern = patterns.find(({ name }) => name === "fan_out");
  if (!pattern || config.read_only) return;
  const { runs } = await store.list({ limit: 1 });
  if (runs.length > 0) return;
  const input = pattern.input.parse(EXAMPLE);
  const idempotency = { key: "example", hash: "example" };
  const { run } = await engine.start({ pattern, input, caller: LOCAL_CALLER, labels: [EXAMPLE_LABEL], idempotency });
  log.info({ run_id: run.id }, "an example run was started, since there was none");
}
