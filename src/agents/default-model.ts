import type { Provider } from "../core/provider.ts";

/** A sound and inexpensive model of each vendor, asked where only a key was given. The first vendor with a key answers. */
const USUAL: Readonly<Record<string, string>> = {
  openai: "openai/gpt-5-mini",
  anthropic: "anthropic/claude-haiku-4-5",
  openrouter: "openrouter/openai/gpt-5-mini",
  gemini: "gemini/gemini-2.5-flash",
  groq: "groq/openai/gpt-oss-120b",
};

export const USUAL_MODELS: readonly string[] = Object.values(USUAL);

/** The model that answers where none is named, and why it is this one. */
export interface DefaultModel {
  readonly model: string;
  readonly because: "settings" | "key" | "local" | "rehearsal";
  /** A model server that was found on this machine and is not yet among the providers. */
  readonly provider?: Provider;
}

export interface DefaultModelParts {
  readonly settings: {
    readonly model?: string | undefined;
    readonly rehearsal?: unknown;
    readonly policy: { readonly providers?: readonly string[] | undefined };
  };
  readonly providers: ReadonlyMap<string, Provider>;
  /** Looks for a model server on this machine. */
  readonly probeLocal: () => Promise<{ readonly provider: Provider; readonly model: string } | undefined>;
}

/** The setting `model`; else the rehearsal, if it is asked for; else a vendor whose key is at hand; else a model server on this machine; else the rehearsal. */
export async function chooseModel({ settings, providers, probeLocal }: DefaultModelParts): Promise<DefaultModel> {
  if (settings.model !== undefined) return { model: settings.model, because: "settings" };
  if (settings.rehearsal) return { model: "rehearsal/default", because: "rehearsal" };
  const allowed = (id: string): boolean => settings.policy.providers?.includes(id) ?? true;
  const vendor = Object.keys(USUAL).find((id) => providers.has(id) && allowed(id));
  const usual = vendor === undefined ? undefined : USUAL[vendor];
  if (usual !== undefined) return { model: usual, because: "key" };
  const local = await probeLocal();
  if (local && allowed(local.provider.id)) return { ...local, because: "local" };
  return { model: "rehearsal/default", because: "rehearsal" };
}
