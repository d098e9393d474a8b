import { Failure } from "../core/errors.ts";
import { type Provider, splitModel } from "../core/provider.ts";

/** Who may be asked here: the providers that are open, as far as the policy lists them. */
export interface Access {
  readonly providers: ReadonlyMap<string, Provider>;
  /** The setting `policy.providers`; absent, it allows all. */
  readonly allowed: readonly string[] | undefined;
  /** What a provider that is not open lacks, and what would mend it. */
  readonly lackOf: (provider: string) => Failure | undefined;
}

/** A vendor that the policy does not list is not there, whoever asks. The rehearsal is no vendor. */
export function providerFor({ providers, allowed }: Access, id: string): Provider | undefined {
  return isAllowed(allowed, id) ? providers.get(id) : undefined;
}

/** Why a model cannot be asked; undefined where it can. */
export function obstacle(access: Access, model: string): Failure | undefined {
  const id = splitModel(model).provider;
  if (!isAllowed(access.allowed, id)) return forbidden(id, access.allowed ?? []);
  if (access.providers.has(id)) return undefined;
  return access.lackOf(id) ?? new Failure("NO_PROVIDER", `the provider "${id}" is not open`);
}

const isAllowed = (allowed: readonly string[] | undefined, id: string): boolean =>
  id === "rehearsal" || allowed === undefined || allowed.includes(id);

const forbidden = (id: string, allowed: readonly string[]): Failure =>
  new Failure("FORBIDDEN", `the policy does not allow the provider "${id}"`, {
    hint: `The setting \`policy.providers\` allows ${allowed.join(", ") || "none"}.`,
  });
