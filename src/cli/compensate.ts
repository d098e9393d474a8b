import { Failure } from "../core/errors.ts";
import { redactText } from "../core/redact.ts";
import { hasEnded } from "../core/status.ts";
import type { Run } from "../core/store.ts";
import { counted } from "../core/texts.ts";
import { inputOfUndoing, type Undoable, type UndoStep } from "../core/undoing.ts";
import { OK } from "./complain.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";
import { TERMINAL, type Terminal } from "./terminal.ts";

export interface CompensateOptions extends CommonOptions {
  readonly yes?: boolean;
}

/** `baton compensate`: says what would be taken back of what a run did, and has it taken back once somebody agrees. */
export const compensateRun = (id: string, options: CompensateOptions, terminal: Terminal = TERMINAL): Promise<number> =>
  looking(options, async ({ open }) => {
    const { store } = await open();
    const run = await store.get(id);
    if (!run)
      throw new Failure("NOT_FOUND", `there is no run ${JSON.stringify(id)}`, { hint: "baton runs lists them." });
    const known = await store.undoable(id);
    for (const line of told(run, known)) terminal.say(redactText(line));
    if (known.steps.length > 0 && !(await isAgreed(known, options, terminal))) return OK;
    const { run: undoing, existed } = await store.compensate(id, { ask: false });
    terminal.say(
      existed && hasEnded(undoing.status)
        ? `It was taken back before, by run ${undoing.id}.`
        : `Run ${undoing.id} takes it back: a server or worker on this home plays it (baton trace ${undoing.id}).`,
    );
    return OK;
  });

function told({ id, status }: Run, { steps, undone, stays }: Undoable): string[] {
  return [
    `run ${id} is ${status}; ${counted(steps.length, "step")} would be taken back${steps.length > 0 ? ", in this order:" : "."}`,
    ...steps.map((step) => `  ${step.step}: did ${words(step)}; ${wayOf(step)}`),
    ...(undone.length > 0 ? [`taken back already: ${undone.join(", ")}`] : []),
    ...(stays.length > 0 ? [`stays, since nothing says how it is taken back: ${stays.join(", ")}`] : []),
  ];
}

const words = ({ does, input }: { readonly does: string; readonly input?: unknown }): string =>
  `${does} ${JSON.stringify(input)}`;

function wayOf({ compensate, gave }: UndoStep): string {
  if (!gave) return "nobody knows whether that was done, and a person is asked first";
  try {
    return `taken back by ${words({ does: compensate.does, input: inputOfUndoing(compensate, gave.value) })}`;
  } catch (error) {
    return `cannot be taken back: ${Failure.from(error).message}`;
  }
}

async function isAgreed({ steps }: Undoable, { yes }: CompensateOptions, terminal: Terminal): Promise<boolean> {
  if (yes) return true;
  if (!terminal.isPerson)
    throw new Failure("INVALID_INPUT", "nothing was done", { hint: "Say --yes to have it taken back." });
  if (/^y(es)?$/i.test(await terminal.ask(`take back ${counted(steps.length, "step")}? (yes/no) `))) return true;
  terminal.say("Nothing was done.");
  return false;
}
