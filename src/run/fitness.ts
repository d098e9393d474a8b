import type { Catalogue } from "../core/catalogue.ts";
import { Failure } from "../core/errors.ts";
import { filesIn } from "../core/material.ts";
import { type Media, splitModel } from "../core/provider.ts";
import { listed } from "../core/texts.ts";
import type { Playing } from "./playing.ts";
import { freshOf, type Question } from "./question.ts";

/** No text that people write has so many characters a token. What is longer than this allows does not fit. */
const CHARS_A_TOKEN = 6;
const MOST_NAMED = 6;

/** Why a model cannot be asked this at all, whatever is free or open: it takes no files, or not so much text. */
export function unfit(play: Playing, question: Question, model: string): Failure | undefined {
  return blind(play, question, model) ?? narrow(play.catalogue, question, model);
}

function blind(play: Playing, question: Question, model: string): Failure | undefined {
  const [file] = play.files.size === 0 ? [] : given(play, question);
  if (!file || sees(play, model)) return undefined;
  const { catalogue } = play;
  const known = [
    ...Object.values(catalogue.agents).flatMap(({ models }) => models),
    ...Object.values(catalogue.models),
  ];
  const could = [...new Set(known)].filter((other) => sees(play, other)).slice(0, MOST_NAMED);
  const others =
    could.length > 0 ? `Ask one that does: ${could.join(", ")}.` : "No model that is known here takes files.";
  return new Failure("BAD_REQUEST", `${model} takes no files, and ${listed([file.name ?? file.type])} is given`, {
    hint: `${others} Or give what matters of it as text; or, if it does take them: providers: { ${splitModel(model).provider}: { media: true } }`,
  });
}

const sees = ({ stage }: Playing, model: string): boolean =>
  stage.desk.provider(splitModel(model).provider)?.can?.media === true;

const given = ({ files }: Playing, question: Question): readonly Media[] =>
  [...(question.turn?.history ?? []), ...freshOf(question)]
    .filter(({ role }) => role === "user")
    .flatMap(({ content }) => filesIn(content, files));

function narrow({ prices }: Catalogue, { system, prompt }: Question, model: string): Failure | undefined {
  const window = prices[model]?.window;
  const chars = system.length + prompt.length;
  if (window === undefined || chars <= window * CHARS_A_TOKEN) return undefined;
  const [most, has] = [window, chars].map((n) => n.toLocaleString("en"));
  return new Failure("TOO_LARGE", `the question has ${has} characters, and ${model} reads at most ${most} tokens`, {
    hint: "Give less of it: `head`, `tail` or `path` of a context item or of what a step reads, or a `summary` of it by an agent. Or ask a model that reads more.",
  });
}
