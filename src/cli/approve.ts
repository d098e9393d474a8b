import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import type { Choice } from "../core/approval.ts";
import {
  type ApprovalPolicy,
  choicesOf,
  type Decider,
  needsPerson,
  settlement,
  settlesItself,
} from "../core/deciding.ts";
import { Failure } from "../core/errors.ts";
import { type Lack, lackOf, raisedCaps, UNIT_NAMES } from "../core/raising.ts";
import type { Run, RunStore, Wait } from "../core/store.ts";
import { typed } from "../core/typed.ts";
import { type Asked, listed, shown } from "./approve-words.ts";
import { OK } from "./complain.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";
import { TERMINAL, type Terminal, types } from "./terminal.ts";

export interface ApproveOptions extends CommonOptions {
  readonly step?: string;
  readonly yes?: boolean;
  readonly reject?: boolean;
  readonly answer?: string;
  readonly edit?: string;
  readonly raise?: number;
  readonly note?: string;
}

const MOST_RUNS = 200;
const ASKING: readonly Wait["kind"][] = ["approval", "answer", "budget"];

/** `baton approve`: tells what waits for a person, and writes what they decide. It needs no server. */
export const approve = (
  id: string | undefined,
  options: ApproveOptions,
  terminal: Terminal = TERMINAL,
): Promise<number> =>
  looking(options, async ({ open, people }) => {
    const { store } = await open();
    const all = id === undefined ? await everything(store) : await askedBy(store, await found(store, id));
    const asked = all.filter(({ wait }) => options.step === undefined || wait.place === options.step);
    const one = id === undefined ? await chosen(asked, terminal) : await onlyOne(id, asked, terminal, options);
    if (!one) return OK;
    terminal.say(shown(one));
    const word = await worded(one, options, terminal);
    if (word) await write(store, one, word, { terminal, policy: people.policy });
    return OK;
  });

async function found(store: RunStore, id: string): Promise<Run> {
  const run = await store.get(id);
  if (run) return run;
  throw new Failure("NOT_FOUND", `there is no run ${id}`, { hint: "`baton approve` lists what waits." });
}

async function askedBy(store: RunStore, run: Run): Promise<Asked[]> {
  const { waiting } = await store.progress(run.id);
  return waiting.filter(({ kind }) => ASKING.includes(kind)).map((wait) => ({ run, wait }));
}

async function everything(store: RunStore): Promise<Asked[]> {
  const { runs } = await store.list({ status: ["waiting", "running"], limit: MOST_RUNS });
  return (await Promise.all(runs.map((run) => askedBy(store, run)))).flat();
}

/** Without a run's name, all that waits is listed; a person may then say which it is. */
async function chosen(asked: readonly Asked[], terminal: Terminal): Promise<Asked | undefined> {
  terminal.say(asked.length === 0 ? "Nothing waits for anybody." : listed(asked));
  if (asked.length === 0 || !terminal.isPerson) return undefined;
  const said = await terminal.ask(`Which one? (1${asked.length > 1 ? `-${asked.length}` : ""}, Enter for none) `);
  return asked[Number(said) - 1];
}

async function onlyOne(
  id: string,
  asked: readonly Asked[],
  terminal: Terminal,
  { step }: ApproveOptions,
): Promise<Asked | undefined> {
  const [first, second] = asked;
  if (first && !second) return first;
  if (second && terminal.isPerson) return chosen(asked, terminal);
  if (second)
    throw new Failure("INVALID_INPUT", "several steps wait, and --step says which is meant", {
      hint: listed(asked),
    });
  throw new Failure("NOT_FOUND", `run ${id} waits for nobody${step === undefined ? "" : ` at ${step}`}`, {
    hint: "`baton approve` lists what waits.",
  });
}

/** What is decided: a choice with its value, or caps. */
type Word =
  | { readonly decision: Choice; readonly value?: unknown; readonly note?: string }
  | { readonly raise: number; readonly unit: Lack["unit"] };

async function worded({ run, wait }: Asked, options: ApproveOptions, terminal: Terminal): Promise<Word | undefined> {
  const { yes, reject, answer, edit, raise } = options;
  const note = options.note === undefined ? {} : { note: options.note };
  if (raise !== undefined) return { raise, unit: lackOf(run, wait).unit };
  if (reject) return { decision: "reject", ...note };
  if (edit !== undefined) return { decision: "edit", value: typed(textOf(edit), wait, "edit"), ...note };
  if (answer !== undefined) return { decision: "answer", value: typed(answer, wait, "answer"), ...note };
  if (yes) return { decision: "approve", ...note };
  if (settlesItself(wait))
    return void terminal.say("Nobody decides this: the run goes on by itself when that cap counts anew.");
  const word = terminal.isPerson ? await said(run, wait, terminal) : undefined;
  if (!word) terminal.say(`Nothing was decided. Say ${waysOf(run, wait)}.`);
  return word && { ...word, ...note };
}

const WAYS = { approve: "--yes", reject: "--reject", edit: "--edit <file>", answer: "--answer <text>" } as const;

/** The options that decide this wait. */
function waysOf(run: Run, wait: Wait): string {
  const ways = choicesOf(wait).map((choice) => WAYS[choice]);
  return ways.length > 0 ? ways.join(" or ") : `--raise <${UNIT_NAMES[lackOf(run, wait).unit]}>`;
}

async function said(run: Run, wait: Wait, terminal: Terminal): Promise<Word | undefined> {
  if (wait.kind === "budget") {
    const { unit, enough } = lackOf(run, wait);
    const cap = await terminal.ask(`The new cap in ${UNIT_NAMES[unit]}, such as ${enough} (Enter leaves it): `);
    return cap === "" ? undefined : { raise: Number(cap), unit };
  }
  const choices: readonly Choice[] = choicesOf(wait).filter((choice) => choice !== "edit");
  const decision = await terminal.ask(`Decide: ${choices.join(", ")} (Enter leaves it): `);
  if (!choices.includes(decision as Choice)) return undefined;
  if (decision !== "answer") return { decision: decision as Choice };
  return { decision, value: typed(await terminal.ask("Your answer: "), wait, "answer") };
}

/** What only a person may decide needs one at a terminal, who shows that they mean this very run. */
async function write(
  store: RunStore,
  { run, wait }: Asked,
  word: Word,
  { terminal, policy }: { readonly terminal: Terminal; readonly policy: ApprovalPolicy },
): Promise<void> {
  const isTheirs =
    "raise" in word ? word.raise > (policy.run_max[word.unit] ?? Number.POSITIVE_INFINITY) : needsPerson(wait, policy);
  if (isTheirs) await meant(run, wait, terminal);
  const decider = deciderAt(wait, isTheirs, terminal);
  if ("raise" in word) {
    await store.raise(run.id, raisedCaps(run, { [word.unit]: word.raise }, { decider, policy }), decider.name);
    return terminal.say(
      `The cap of ${run.id} is now ${word.raise} ${UNIT_NAMES[word.unit]}. ${settlesItself(wait) ? WAITS_ON : GOES_ON}`,
    );
  }
  const hash = wait.approval === undefined ? {} : { approval: wait.approval };
  const { decision } = settlement(run, [wait], { step: wait.place, ...hash, ...word }, { decider, policy });
  await store.decide(run.id, wait.place, decision, decider.name);
  terminal.say(
    `${wait.place} of ${run.id} is ${decision.how}${decision.edited ? " with your changes" : ""}. ${GOES_ON}`,
  );
}

/** Who is at a terminal has no approver's name; they could write into the files, and it is recorded that they did not ask the named ones. */
function deciderAt({ terms }: Wait, isPerson: boolean, terminal: Terminal): Decider {
  const way = terminal.isPerson ? "terminal" : "command line";
  const isOwner = isPerson && terms?.approvers !== undefined;
  const name = `${userInfo().username} (${way}${isOwner ? ", as who has the files" : ""})`;
  return { name, is: isPerson ? "person" : "model", ...(isOwner && { owner: true }) };
}

const WAITS_ON = "It waits on for the cap above it.";
const GOES_ON = "The run goes on in the server that is there, or in the next one that starts.";

async function meant({ id }: Run, { place }: Wait, terminal: Terminal): Promise<void> {
  if (!terminal.isPerson)
    throw new Failure("FORBIDDEN", `${place} of ${id} is for a person to decide, and here is no terminal`, {
      hint: "Decide it at a terminal, on Baton's page, or with an approver's token by HTTP.",
    });
  if (await types(id, terminal, "Only a person decides this.")) return;
  throw new Failure("FORBIDDEN", "those are not the run's last letters: nothing was decided");
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Failure("INVALID_INPUT", `--edit: ${error instanceof Error ? error.message : error}`);
  }
}
