import { userInfo } from "node:os";
import { LOCAL_CALLER } from "../core/caller.ts";
import type { Desk } from "../core/desk.ts";
import { Failure } from "../core/errors.ts";
import { hasEnded } from "../core/status.ts";
import type { Run, RunStore } from "../core/store.ts";
import { everyRun } from "../http/every-run.ts";
import { OK } from "./complain.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

export interface PauseOptions extends CommonOptions {
  readonly all?: boolean;
  readonly agent?: string;
  readonly provider?: string;
}

type Does = "pause" | "resume";

/** `baton pause` and `baton resume`: one run, or all that have not ended, whoever started them; an agent or a provider. */
export const pause = (
  does: Does,
  id: string | undefined,
  { all, agent, provider, ...common }: PauseOptions,
): Promise<number> =>
  looking(common, async (baton) => {
    requireOne(does, [id, all, agent, provider]);
    const { store, desk } = await baton.open();
    const told =
      agent === undefined && provider === undefined
        ? await eachRun(store, does, id)
        : [await subject(store, desk, does, { agent, provider })];
    for (const line of told) process.stdout.write(`${line}\n`);
    return OK;
  });

async function eachRun(store: RunStore, does: Does, id: string | undefined): Promise<string[]> {
  const runs = id === undefined ? await everyRun(store, does, {}, byHand()) : [await store[does](id, byHand())];
  return runs.length === 0 ? [`There is nothing to ${does}.`] : runs.map((run) => sentence(does, run));
}

/** A name that nobody here knows may still be one that another server knows. */
async function subject(
  store: RunStore,
  desk: Desk,
  does: Does,
  { agent = "", provider }: { readonly agent: string | undefined; readonly provider: string | undefined },
): Promise<string> {
  const isKnown = provider === undefined ? desk.has(agent) : desk.provider(provider) !== undefined;
  const doubt = isKnown ? "" : " (None of that name is at hand here.)";
  return `${await turned(store, does, provider ?? `agent:${agent}`)}${doubt}`;
}

function requireOne(does: Does, given: readonly unknown[]): void {
  if (given.filter((one) => one !== undefined).length === 1) return;
  throw new Failure("INVALID_INPUT", `baton ${does} takes a run's id, --all, --agent or --provider`, {
    hint: "baton runs shows the runs there are.",
  });
}

/** Switches something off or on, and says so. */
async function turned(store: RunStore, does: Does, subject: string): Promise<string> {
  const name = subject.replace(/^agent:/, "");
  if (does === "pause") {
    const off = await store.switchOff(subject, LOCAL_CALLER);
    return off ? `${name} is switched off: nobody asks it.` : `${name} was switched off before.`;
  }
  return (await store.switchOn(subject)) ? `${name} is switched on again.` : `${name} was not switched off.`;
}

/** As it is recorded who stopped a run at a terminal. */
export const byHand = (): string => `${userInfo().username} (command line)`;

function sentence(does: Does, { id, status, paused }: Run): string {
  if (hasEnded(status)) return `${id} had ended before: it is ${status}.`;
  if (does === "resume") return `${id} goes on: it is ${status}.`;
  const inFlight = status === "running" && paused;
  return inFlight ? `${id} is put down as soon as its calls in flight have ended.` : `${id} is paused.`;
}
