import { z } from "zod";
import { Failure } from "../../core/errors.ts";
import { FENCE_RULE } from "../../core/fence.ts";
import type { RunContext } from "../../core/pattern.ts";
import { cut, listed, paragraphs, quoted } from "../../core/texts.ts";
import { nameMeant, nameShape, noSuchName } from "../names.ts";
import type { Member } from "./team.ts";

/** One hand-over. */
export interface Hop {
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly notes: string;
  /** When it was said, in milliseconds since 1970. */
  readonly at: number;
}

/** What whoever has the task is shown. */
export interface Scene {
  readonly task: string;
  readonly active: Member;
  /** Those it may hand to; with none it may only answer. */
  readonly targets: readonly Member[];
  readonly hops: readonly Hop[];
  /** That the task goes to and fro. */
  readonly warning?: string;
}

/** What it made of it, and when that was remembered. */
type Made = { readonly at: number } & (
  | { readonly answer: string }
  | { readonly to: string; readonly reason: string; readonly notes: string }
);

/** The same, with how often it was asked for it. */
export type Turn = Made & { readonly asked: number };

interface Said {
  readonly action: "answer" | "hand_off";
  readonly answer?: string | null | undefined;
  readonly to?: string | null | undefined;
  readonly notes?: string | null | undefined;
  readonly reason: string;
}

const PASS = paragraphs(
  "You are one of several who may have this task; now you have it, and nobody else. Choose one action. `answer`: the task lies in " +
    "your field, so do it and give the whole answer. `hand_off`: another is better placed, so name whom in `to`, and put into " +
    "`notes` all that it must know beside the task, for it does not see what you saw. Do not hand over what you can do yourself, " +
    "and do not hand back without anything new.",
  FENCE_RULE,
);

/** Whoever has the task answers, or names who is to have it; one wrong name is told and may be mended. */
export async function takeTurn(ctx: RunContext, scene: Scene): Promise<Turn> {
  if (scene.targets.length === 0) return { ...(await answer(ctx, scene)), asked: 1 };
  const first = await ask(ctx, scene);
  if (!("code" in first)) return { ...first, asked: 1 };
  const again = await ask(ctx, scene, first.words);
  if (!("code" in again)) return { ...again, asked: 2 };
  throw new Failure(again.code, `${listed([scene.active.name])} was told and does it again: ${again.words}`, {
    hint: "Say in its `instructions` whom it may hand to and for what, or give it a larger `to`.",
  });
}

interface Misfit {
  readonly code: "UNKNOWN_AGENT" | "BAD_OUTPUT";
  readonly words: string;
}

async function ask(ctx: RunContext, scene: Scene, problem?: string): Promise<Made | Misfit> {
  const { active, targets } = scene;
  const names = targets.map(({ name }) => name);
  const { output, at } = await ctx.call<Said>(active.ref, {
    name: active.name,
    prompt: paragraphs(
      scenePrompt(scene),
      problem && quoted("# Why your last choice could not be followed", "problem", problem),
      problem && "Choose again, so that nothing of this is wrong any more.",
    ),
    brief: PASS,
    shape: shapeOf(names),
  });
  if (output.action === "answer") {
    return output.answer?.trim()
      ? { answer: output.answer, at }
      : { code: "BAD_OUTPUT", words: "the action is answer, and `answer` is empty" };
  }
  const word = output.to?.trim() ?? "";
  const to = nameMeant(word, names);
  if (to === undefined) return { code: "UNKNOWN_AGENT", words: nobody(word, names) };
  return { to, reason: output.reason, notes: output.notes ?? "", at };
}

const nobody = (word: string, names: readonly string[]): string =>
  word === ""
    ? `the action is hand_off, and \`to\` names nobody; there ${names.length === 1 ? "is" : "are"} ${listed(names)}`
    : noSuchName("agent to hand to", word, names);

/** Where nobody is left to hand to, the answer is all that is asked for. */
async function answer(ctx: RunContext, scene: Scene): Promise<Made> {
  const { output, at } = await ctx.call(scene.active.ref, {
    name: scene.active.name,
    prompt: paragraphs(scenePrompt(scene), "Answer the task now, as well as it can be done from here."),
    brief: FENCE_RULE,
  });
  return { answer: output, at };
}

const shapeOf = (names: readonly string[]): z.ZodType<Said> =>
  z.object({
    action: z.enum(["answer", "hand_off"]),
    answer: z.string().nullish().describe("With answer: the whole answer to the task"),
    to: nameShape(names).nullish().describe("With hand_off: who is to have it"),
    notes: z.string().nullish().describe("With hand_off: what the next one must know"),
    reason: z.string().describe("Why, in a sentence"),
  });

const PATH_SHOWN = 12;
const WHY_SHOWN = 300;
const ABOUT_SHOWN = 300;

/** The task, who had it and why, the notes of the last hand-over, and who else is there: nothing of what they said otherwise. */
function scenePrompt({ task, active, targets, hops, warning }: Scene): string {
  const last = hops.at(-1);
  const path = hops
    .slice(-PATH_SHOWN)
    .map(({ from, to, reason }) => `${listed([from])} to ${listed([to])}: ${cut(reason, WHY_SHOWN)}`);
  return paragraphs(
    `# Task\n\n${task}`,
    path.length > 0 ? quoted("# Who handed it to whom, and why", "path", path.join("\n")) : undefined,
    last?.notes ? quoted(`# Notes for you from ${listed([last.from])}`, "notes", last.notes) : undefined,
    `You are ${listed([active.name])}.`,
    targets.length > 0 ? `# Whom you may hand it to\n\n${targets.map(aboutLine).join("\n")}` : undefined,
    warning,
  );
}

const aboutLine = ({ name, about }: Member): string =>
  `- ${listed([name])}${about === undefined ? "" : `: ${cut(about.replace(/\s+/g, " "), ABOUT_SHOWN)}`}`;
