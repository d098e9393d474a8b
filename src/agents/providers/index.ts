import { Failure } from "../../core/errors.ts";
import { isLoopback } from "../../core/hosts.ts";
import { toNano } from "../../core/money.ts";
import type { Provider } from "../../core/provider.ts";
import type { ProviderSettings } from "../../core/settings.ts";
import { AnthropicProvider } from "./anthropic.ts";
import { CassetteProvider } from "./cassette.ts";
import type { Endpoint, ProviderLog } from "./endpoint.ts";
import { nodeFetch } from "./fetch.ts";
import { OpenAiProvider } from "./openai.ts";
import { RehearsalProvider } from "./rehearsal.ts";

type Env = Readonly<Record<string, string | undefined>>;

interface Known {
  readonly type: "openai" | "anthropic";
  readonly base_url: string;
  /** The variables that hold its key, and its address where that is another one. */
  readonly key_env?: string;
  readonly url_env?: string;
  readonly max_tokens_field?: Endpoint["maxTokensField"];
  readonly media?: true;
  /** What one search of its own costs, in USD. */
  readonly search_usd?: number;
  /** Runs on one's own machine: free, needs no key, and is there only where it is configured or found. */
  readonly local?: true;
}

/** The vendors that need no more than a name. A new one is one line. */
const KNOWN: Readonly<Record<string, Known>> = {
  openai: {
    type: "openai",
    base_url: "https://api.openai.com/v1",
    key_env: "OPENAI_API_KEY",
    url_env: "OPENAI_BASE_URL",
    max_tokens_field: "max_completion_tokens",
    media: true,
  },
  anthropic: {
    type: "anthropic",
    base_url: "https://api.anthropic.com",
    key_env: "ANTHROPIC_API_KEY",
    url_env: "ANTHROPIC_BASE_URL",
    media: true,
    search_usd: 0.01,
  },
  openrouter: { type: "openai", base_url: "https://openrouter.ai/api/v1", key_env: "OPENROUTER_API_KEY" },
  gemini: {
    type: "openai",
    base_url: "https://generativelanguage.googleapis.com/v1beta/openai",
    key_env: "GEMINI_API_KEY",
  },
  groq: { type: "openai", base_url: "https://api.groq.com/openai/v1", key_env: "GROQ_API_KEY" },
  ollama: { type: "openai", base_url: "http://127.0.0.1:11434/v1", local: true },
  lmstudio: { type: "openai", base_url: "http://127.0.0.1:1234/v1", local: true },
  vllm: { type: "openai", base_url: "http://127.0.0.1:8000/v1", local: true },
};

/**
 * Everybody who can be asked: those that are configured and have what they need, those whose key is in the
 * environment, and always the rehearsal. Nobody is asked for that, and no SDK is loaded before its first call.
 */
export function openProviders(
  settings: Readonly<Record<string, ProviderSettings>>,
  env: Env,
  log: ProviderLog,
): Map<string, Provider> {
  const found = Object.keys(KNOWN).filter((id) => keyIn(env, KNOWN[id]?.key_env) !== "");
  const open = new Map<string, Provider>();
  for (const id of new Set([...Object.keys(settings), ...found])) {
    if (lackOf(id, settings, env) === undefined) open.set(id, openOne(id, settings[id] ?? {}, env, log));
  }
  open.set("rehearsal", new RehearsalProvider());
  return open;
}

/** Why a provider is not among the open ones, and what would change that; undefined where nothing is lacking. */
export function lackOf(
  id: string,
  settings: Readonly<Record<string, ProviderSettings>>,
  env: Env,
): Failure | undefined {
  const own = settings[id];
  const known = KNOWN[id];
  if (id === "rehearsal" || own?.type === "rehearsal") return undefined;
  if (own?.type === "cassette") return lackOfTape(id, own);
  if (!own && !known) return lack(id, `nobody knows a provider "${id}"`, `Add it to the settings: ${example(id)}`);
  if (!known && !own?.base_url)
    return lack(id, `the provider "${id}" has no base_url`, `Say where it is: ${example(id)}`);
  if (!own && known?.local)
    return lack(id, `the provider "${id}" is not configured`, `Add it: ${example(id, known.base_url)}`);
  if (!isAddress(addressOf(own, known, env))) {
    return lack(
      id,
      `the address of "${id}" is none`,
      `Give an address that begins with http:// or https:// (${known?.url_env ?? "base_url"}).`,
    );
  }
  const variable = own?.api_key_env ?? known?.key_env;
  if (variable === undefined || own?.free || keyIn(env, variable) !== "") return undefined;
  return lack(id, `the provider "${id}" has no key`, `Put its key into the environment variable ${variable}.`);
}

const lack = (id: string, message: string, hint: string): Failure =>
  new Failure("NO_PROVIDER", message, { hint, agent: id });

const lackOfTape = (id: string, { file }: ProviderSettings): Failure | undefined => {
  const right = `providers: { ${id}: { type: cassette, file: run.jsonl } }`;
  return file ? undefined : lack(id, `the cassette "${id}" has no file`, `Say which: ${right}`);
};

const example = (id: string, url = "http://127.0.0.1:8000/v1"): string =>
  `providers: { ${id}: { type: openai, base_url: ${url} } }`;

function openOne(id: string, own: ProviderSettings, env: Env, log: ProviderLog): Provider {
  const known = KNOWN[id];
  const type = own.type ?? known?.type ?? "openai";
  if (type === "rehearsal") return new RehearsalProvider(id);
  if (type === "cassette") {
    const { file = "", free = false, concurrency = 64 } = own;
    return new CassetteProvider({ id, file, free, concurrency });
  }
  const endpoint = endpointOf(id, type, own, env, log);
  return type === "anthropic" ? new AnthropicProvider(endpoint) : new OpenAiProvider(endpoint);
}

function endpointOf(
  id: string,
  type: "openai" | "anthropic",
  own: ProviderSettings,
  env: Env,
  log: ProviderLog,
): Endpoint {
  const known = KNOWN[id];
  const local = known?.local ?? false;
  const search = own.search_usd ?? known?.search_usd;
  const baseUrl = addressOf(own, known, env);
  const free = own.free ?? local;
  return {
    id,
    log,
    baseUrl,
    key: keyIn(env, own.api_key_env ?? known?.key_env),
    free,
    local: free && isLoopback(new URL(baseUrl).hostname),
    concurrency: own.concurrency ?? (local ? 2 : 8),
    ...(own.rpm !== undefined && { rpm: own.rpm }),
    ...(own.tpm !== undefined && { tpm: own.tpm }),
    media: own.media ?? known?.media ?? false,
    ...(search !== undefined && { search_usd: toNano(search) }),
    maxTokensField: own.max_tokens_field ?? known?.max_tokens_field ?? "max_tokens",
    withheld: id === type ? [] : headerNames(env[`${type.toUpperCase()}_CUSTOM_HEADERS`]),
  };
}

const addressOf = (own: ProviderSettings | undefined, known: Known | undefined, env: Env): string =>
  own?.base_url ?? (keyIn(env, known?.url_env) || (known?.base_url ?? ""));

const isAddress = (url: string): boolean => /^https?:\/\//.test(url) && URL.canParse(url);

/** Keys are copied by hand: what surrounds them is not theirs. One that no header can carry is no key. */
function keyIn(env: Env, variable: string | undefined): string {
  const key = variable === undefined ? "" : (env[variable] ?? "").trim();
  return /^[\x21-\x7e]*$/.test(key) ? key : "";
}

const headerNames = (lines = ""): string[] => [...lines.matchAll(/^\s*([^:\n]+?)\s*:/gm)].map(([, name]) => name ?? "");

/** A model server on this machine that answers, and the model it would answer with. */
export interface Local {
  readonly provider: Provider;
  /** `ollama/llama3` */
  readonly model: string;
}

const LOCAL_MS = 300;

/** Looks for a model server on this machine, for as long as nobody minds; asked only where nothing else is configured. */
export async function probeLocal(log: ProviderLog, env: Env = {}, known = KNOWN): Promise<Local | undefined> {
  const ids = ["ollama", "lmstudio"];
  const models = await Promise.all(ids.map((id) => firstModel(known[id]?.base_url ?? "")));
  const at = models.findIndex((model) => model !== undefined);
  const id = ids[at];
  return id === undefined ? undefined : { provider: openOne(id, {}, env, log), model: `${id}/${models[at]}` };
}

async function firstModel(baseUrl: string): Promise<string | undefined> {
  try {
    const response = await nodeFetch(`${baseUrl}/models`, { signal: AbortSignal.timeout(LOCAL_MS) });
    const { data } = (await response.json()) as { data?: { id?: string }[] };
    return data?.find(({ id }) => id !== undefined && !/embed/i.test(id))?.id;
  } catch {
    return undefined;
  }
}
