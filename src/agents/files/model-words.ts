import { nearest } from "../../core/nearest.ts";
import { EFFORTS, type Effort } from "../../core/provider.ts";

/** What is here to put in the place of words for models. */
export interface ModelHouse {
  /** `provider/model` that answers where none is named. */
  readonly model: string;
  /** The setting `models`. */
  readonly models: Readonly<Record<string, string>>;
  /** Can this model be asked here? */
  readonly isOpen: (model: string) => boolean;
  /** What the price table calls this model; undefined where it knows none. */
  readonly listedAs: (model: string) => string | undefined;
}

export interface MeantModel {
  readonly model: string;
  readonly effort?: Effort;
  /** What it means here, where its author could not know that. */
  readonly note?: string;
}

/** A host's short word for a model, and the model it means at its vendor. */
const SHORT_WORDS: Readonly<Record<string, string>> = {
  haiku: "anthropic/claude-haiku-4-5",
  sonnet: "anthropic/claude-sonnet-5",
  opus: "anthropic/claude-opus-5",
  opusplan: "anthropic/claude-opus-5",
  flash: "gemini/gemini-2.5-flash",
  pro: "gemini/gemini-2.5-pro",
};

/** What means: whichever model answers anyway. */
const NO_CHOICE = ["inherit", "default", "auto", ""];

/** Whose models begin like this. */
const VENDORS: readonly (readonly [start: RegExp, vendor: string])[] = [
  [/^claude/, "anthropic"],
  [/^(gpt|o\d|chatgpt|codex)\b/, "openai"],
  [/^gemini/, "gemini"],
  [/^(grok|deepseek|qwen|kimi|glm|llama|mistral|codestral|devstral|minimax|composer|raptor|phi|gemma)/, ""],
];

/** Ways to a vendor that only a host has; the model's own name stands behind them. */
const DETOURS =
  /^(github-copilot|copilot|opencode|google|google-vertex|google-vertex-anthropic|vercel|zenmux)\/(?:(?:anthropic|openai|google)\/)?(.+)$/;

const TIERS: readonly (readonly [tier: string, words: RegExp])[] = [
  ["small", /\b(haiku|mini|flash|fast|nano|lite|small)\b/],
  ["medium", /\b(sonnet|medium)\b/],
  ["large", /\b(opus|opusplan|pro|large|max|ultra)\b/],
];

/** The model that a word of an agent's file means here; undefined where it is like nothing that is known. */
export function modelOf(said: string, house: ModelHouse): MeantModel | undefined {
  if (Object.hasOwn(house.models, said)) return { model: house.models[said] ?? house.model };
  const { word, effort } = withoutEffort(said.trim());
  if (NO_CHOICE.includes(word.toLowerCase())) return { model: house.model, ...(effort && { effort }) };
  const detour = isOpenVendor(word, house) ? undefined : DETOURS.exec(word)?.[2];
  if (detour === undefined && /^[^/\s]+\/\S+$/.test(word)) return { model: word, ...(effort && { effort }) };
  const model = hostsModel(detour ?? word, house);
  return model === undefined ? undefined : { model, ...(effort && { effort }), note: noteOn(said, model) };
}

/** `provider/model#high`: a model, and how hard it is to think. */
function withoutEffort(said: string): { word: string; effort?: Effort } {
  const [, word, variant] = /^(.+)#(\w+)$/.exec(said) ?? [];
  const effort = EFFORTS.find((one) => one === variant);
  return word !== undefined && effort ? { word, effort } : { word: said };
}

const isOpenVendor = (word: string, { isOpen }: ModelHouse): boolean => word.includes("/") && isOpen(word);

/** The vendor's own model if that vendor can be asked here, else the tier that the word speaks of, else the default model. */
function hostsModel(said: string, { model, models, isOpen, listedAs }: ModelHouse): string | undefined {
  const plain = plainName(said);
  const short = Object.hasOwn(SHORT_WORDS, plain) ? SHORT_WORDS[plain] : undefined;
  const vendor = VENDORS.find(([start]) => start.test(plain))?.[1];
  const full = short ?? (vendor ? `${vendor}/${plain}` : undefined);
  const listed = full !== undefined && isOpen(full) ? listedAs(full) : undefined;
  if (listed !== undefined) return listed;
  const tier = TIERS.find(([name, words]) => plain === name || words.test(plain))?.[0];
  if (full === undefined && vendor === undefined && tier === undefined) return undefined;
  return tier !== undefined && Object.hasOwn(models, tier) ? models[tier] : model;
}

/** `Claude Sonnet 4.5 (copilot)` as its vendor writes it: `claude-sonnet-4-5`. */
function plainName(said: string): string {
  const name = said
    .toLowerCase()
    .replace(/\s*(\((copilot|preview|azure|customendpoint)[^)]*\)|\[1m\])\s*/g, "")
    .trim()
    .replaceAll(/\s+/g, "-");
  return name.startsWith("claude") ? name.replaceAll(".", "-") : name;
}

const noteOn = (said: string, model: string): string =>
  `\`${said}\` is ${model} here; \`models: { ${JSON.stringify(said)}: provider/model }\` in baton.yaml says otherwise`;

/** Why a word for a model means nothing here, and how it would. */
export function noModel(word: string, { models }: ModelHouse): string {
  const [near] = nearest(word, Object.keys(models));
  return `the model \`${word}\` is neither provider/model nor a name of the setting \`models\`${near ? ` (there is \`${near}\`)` : ""}; say what it means here with \`models: { ${JSON.stringify(word)}: provider/model }\` in baton.yaml, or write \`model: inherit\``;
}
