import { z } from "zod";
import type { Verdict } from "../core/deed.ts";
import { endsRun, Failure } from "../core/errors.ts";
import { definePattern, type Pattern, type RunContext } from "../core/pattern.ts";
import { counted } from "../core/texts.ts";
import {
  askedOf,
  COMPENSATE,
  inputOfUndoing,
  type Look,
  lookOf,
  Undoing,
  type UndoStep,
  verdictOf,
} from "../core/undoing.ts";

const Undone = z.object({
  run: z.string(),
  taken_back: z.array(z.string()),
  /** A person has said so. */
  never_done: z.array(z.string()),
});
type Undone = z.output<typeof Undone>;

/**
 * Takes back what another run did, from what that had written down: the last deed first, each a claimed effect of its
 * own. What cannot be taken back keeps nothing else from it.
 */
export const compensate: Pattern<Undoing, Undone> = definePattern({
  ...COMPENSATE,
  title: "Take back what a run did",
  description: "Takes back the effects of a run that has ended, the last one first.",
  input: Undoing,
  output: Undone,
  subject: "run",
  agents: () => [],
  async run(ctx, { run, ask, steps }) {
    if (ask) await mustBeAllowed(ctx, run, steps);
    const told: { readonly step: string; readonly how: How }[] = [];
    for (const step of steps) told.push({ step: step.step, how: await takenBack(ctx, run, step) });
    const names = (how: How) => told.filter((one) => one.how === how).map(({ step }) => step);
    const left = told.filter(({ how }) => how instanceof Failure);
    if (left.length > 0) throw notUndone(left as { step: string; how: Failure }[], names("taken back"));
    return { run, taken_back: names("taken back"), never_done: names("never done") };
  },
});

type How = "taken back" | "never done" | Failure;

async function takenBack(
  ctx: RunContext,
  run: string,
  { step, key, compensate, gave, ...deed }: UndoStep,
): Promise<How> {
  try {
    const had = gave ?? (await whatItGave(ctx, run, { step, ...deed }));
    if (!had) return "never done";
    ctx.tell(`takes back ${step}`);
    const { does, effect = { idempotent: true }, seconds, retry } = compensate;
    await ctx.act(step, {
      does,
      input: inputOfUndoing(compensate, had.value),
      effect,
      key,
      ...(seconds !== undefined && { seconds }),
      ...(retry && { retry }),
    });
    return "taken back";
  } catch (error) {
    const failure = Failure.from(error);
    if (endsRun(failure)) throw failure;
    return failure;
  }
}

/** What a deed gave of which nobody knows whether it was done: it is looked for, and where that does not tell, asked. */
async function whatItGave(
  ctx: RunContext,
  run: string,
  step: Doubtful,
): Promise<{ readonly value: unknown } | undefined> {
  const { verify } = step;
  const verdict = verify && (await looked(ctx, step.step, verify));
  if (verdict) return verdict.done ? { value: verdict.value } : undefined;
  return askWhetherDone(ctx, run, step);
}

type Doubtful = Pick<UndoStep, "step" | "does" | "input" | "verify">;

async function looked(ctx: RunContext, step: string, { does, input, tells }: Look): Promise<Verdict | undefined> {
  try {
    return verdictOf(tells, await ctx.act(lookOf(step), { does, input }));
  } catch (error) {
    if (endsRun(Failure.from(error))) throw error;
    return undefined;
  }
}

/** What was begun and never answered is nobody's to take back before a person has said that it was done. */
async function askWhetherDone(
  ctx: RunContext,
  run: string,
  { step, does, input }: Doubtful,
): Promise<{ readonly value: unknown } | undefined> {
  const told = await ctx.wait(askedOf(step), {
    kind: "answer",
    show: {
      problem: `${step} of run ${run} had begun, and nobody knows whether it was done`,
      action: does,
      input,
      approve: "it was done: it is taken back now",
      answer: "it was done, and gave this value: it is taken back now",
      reject: "it was not done: there is nothing to take back",
    },
    choices: ["approve", "answer", "reject"],
    self: false,
  });
  if (told.how === "rejected" || told.how === "expired") return undefined;
  return { value: told.value ?? null };
}

/** What a run that succeeded has done is taken back where a person, or whoever the settings let, agrees to exactly that. */
async function mustBeAllowed(ctx: RunContext, run: string, steps: readonly UndoStep[]): Promise<void> {
  const shown = steps.map(({ step, does, input, compensate, gave }) => ({
    step,
    did: { does, input },
    ...(gave ? { taken_back_by: shownWay(compensate, gave.value) } : { known: "nobody knows whether it was done" }),
  }));
  const { how } = await ctx.wait("~allow", {
    kind: "approval",
    show: {
      why: `run ${run} succeeded; ${counted(steps.length, "step")} would be taken back, in this order`,
      steps: shown,
    },
    choices: ["approve", "reject"],
  });
  if (how === "approved") return;
  throw new Failure("REJECTED", `what run ${run} did stays as it is`);
}

function shownWay(compensate: UndoStep["compensate"], value: unknown): unknown {
  try {
    return { does: compensate.does, input: inputOfUndoing(compensate, value) };
  } catch (error) {
    return { cannot_be_told: Failure.from(error).message };
  }
}

function notUndone(
  left: readonly { readonly step: string; readonly how: Failure }[],
  done: readonly string[],
): Failure {
  const what = left.map(({ step, how }) => `${step} (${how.code}: ${how.message})`).join("; ");
  const rest = done.length > 0 ? `; taken back: ${done.join(", ")}` : "";
  return new Failure("NOT_UNDONE", `could not be taken back: ${what}${rest}`, {
    hint: "Mend what stands in the way, and control_run retry tries these alone again; or take them back by hand.",
  });
}
