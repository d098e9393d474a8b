import { Failure } from "../core/errors.ts";
import { redact, redactText } from "../core/redact.ts";
import type { Run } from "../core/store.ts";
import type { Baton } from "../server.ts";
import { OK } from "./complain.ts";
import { type Letter, letterOf, lettersOf, lineOf, rowOf, settled, type Which } from "./dead-letters.ts";
import { ask, looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";
import { TERMINAL, type Terminal } from "./terminal.ts";

export interface DeadOptions extends CommonOptions, Which {
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `baton dead list`: what could go on no more, and why. */
export const listDead = (options: DeadOptions, terminal: Terminal = TERMINAL): Promise<number> =>
  looking(options, async ({ open }) => {
    const letters = await lettersOf((await open()).store, options, Date.now());
    if (options.json) terminal.say(JSON.stringify(letters.map(rowOf), null, 2));
    else terminal.say(letters.length === 0 ? "There are no dead letters." : letters.map(lineOf).join("\n"));
    return OK;
  });

/** `baton dead show`: all that is known of one: input, error, the failing step whole, what was done, what to do now. */
export const showDead = (id: string, options: DeadOptions, terminal: Terminal = TERMINAL): Promise<number> =>
  looking(options, async (baton) => {
    const letter = await letterOf((await baton.open()).store, id);
    if (options.json) terminal.say(JSON.stringify(redact(rowOf(letter)), null, 2));
    else for (const text of await told(baton, letter)) terminal.say(text);
    return OK;
  });

async function told(baton: Baton, letter: Letter): Promise<readonly string[]> {
  const { id } = letter;
  const ways = [
    `baton dead requeue ${id}`,
    ...("run" in letter ? [`baton replay ${id} --help   (with another model, prompt or input)`] : []),
    `baton dead drop ${id}`,
  ];
  const body = "run" in letter ? await runTexts(baton, letter.run) : deliveryTexts(letter);
  return [lineOf(letter), ...body, `what to do now:\n  ${ways.join("\n  ")}`];
}

async function runTexts(baton: Baton, run: Run): Promise<readonly string[]> {
  const { error, output, input, crashes } = run;
  const of = (value: unknown) => JSON.stringify(redact(value), null, 2);
  return [
    error ? `error: ${error.code} (${error.kind}): ${redactText(error.message)}` : "error: none was kept",
    ...(error?.hint ? [`hint: ${redactText(error.hint)}`] : []),
    ...(crashes > 0 ? [`crashes: ${crashes}`] : []),
    ...run.degraded.map((said) => `degraded: ${redactText(said)}`),
    `input: ${of(input)}`,
    ...(error?.step ? [`the step that failed:\n${await traceOf(baton, run, "step", error.step)}`] : []),
    `its steps:\n${await traceOf(baton, run, "steps")}`,
    `what was done: ${output === undefined ? "nothing was kept" : of(output)}`,
  ];
}

/** All pages of one view. */
async function traceOf(baton: Baton, { id, caller }: Run, view: string, step?: string): Promise<string> {
  const texts: string[] = [];
  let args: object | undefined = { run_id: id, view, ...(step !== undefined && { step }) };
  while (args) {
    const { data, text } = await ask(baton, "get_run_trace", args, caller);
    texts.push(text.replace(/\nnext: .*$/, ""));
    args = (data as { readonly next?: { readonly arguments: object } }).next?.arguments;
  }
  return texts.join("\n");
}

function deliveryTexts(letter: Letter): readonly string[] {
  if (!("delivery" in letter)) return [];
  const { error = "none was kept", event, subscription } = letter.delivery;
  return [
    `error: ${redactText(error)}`,
    `subscription: ${subscription}`,
    `event: ${JSON.stringify(redact(event), null, 2)}`,
  ];
}

/** `baton dead requeue` and `baton dead drop`: one letter, or all that are meant, once somebody has agreed to how many. */
export const settleDead = (
  how: "requeue" | "drop",
  id: string | undefined,
  options: DeadOptions,
  terminal: Terminal = TERMINAL,
): Promise<number> =>
  looking(options, async ({ open }) => {
    const { store } = await open();
    const letters =
      id === undefined ? await lettersOf(store, chosen(how, options), Date.now()) : [await letterOf(store, id)];
    if (letters.length === 0) terminal.say("There is no such dead letter.");
    else if (id !== undefined || (await isAgreed(how, letters, options, terminal)))
      for (const letter of letters) terminal.say(await settled(store, letter, how));
    return OK;
  });

/** In bulk it must be said which are meant, if only that all are. */
function chosen(how: string, options: DeadOptions): Which {
  const { all, code, since, pattern, label } = options;
  if (all || [code, since, pattern, label].some((one) => one !== undefined)) return options;
  throw new Failure(
    "INVALID_INPUT",
    `baton dead ${how} takes an id, or says which: --code, --since, --pattern, --label, --all`,
    {
      hint: "baton dead list shows the dead letters there are.",
    },
  );
}

async function isAgreed(
  how: string,
  letters: readonly Letter[],
  { yes }: DeadOptions,
  terminal: Terminal,
): Promise<boolean> {
  if (yes) return true;
  const what = `${how} ${letters.length} dead ${letters.length === 1 ? "letter" : "letters"}`;
  if (!terminal.isPerson)
    throw new Failure("INVALID_INPUT", `this would ${what}; nothing was done`, { hint: "Say --yes to do it." });
  for (const letter of letters.slice(0, 20)) terminal.say(lineOf(letter));
  if (letters.length > 20) terminal.say(`and ${letters.length - 20} more`);
  const said = await terminal.ask(`${what}? (yes/no) `);
  if (/^y(es)?$/i.test(said)) return true;
  terminal.say("Nothing was done.");
  return false;
}
