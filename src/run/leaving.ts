import { Failure } from "../core/errors.ts";
import type { Message, ModelRequest, Provider } from "../core/provider.ts";
import { withoutKeys } from "../core/redact.ts";
import type { Settings } from "../core/settings.ts";

/** What becomes of keys that stand in what is sent to a vendor. */
export type Secrets = Settings["secrets"];

/** A request as it may leave this machine; to a model on it, as it is. */
export function asItLeaves<R extends Pick<ModelRequest, "system" | "messages">>(
  request: R,
  provider: Pick<Provider, "local"> | undefined,
  how: Secrets,
): R {
  if (provider?.local || how === "send") return request;
  return { ...request, system: withoutKeys(request.system), messages: request.messages.map(cleanMessage) };
}

/** A message without keys. */
export const cleanMessage = ({ content, results, ...rest }: Message): Message => ({
  ...rest,
  content: withoutKeys(content),
  ...(results && { results: results.map((each) => ({ ...each, content: withoutKeys(each.content) })) }),
});

/** Why a text may not leave; undefined where it may. */
export function keptHere(
  { system, prompt }: { readonly system: string; readonly prompt: string },
  provider: Pick<Provider, "id" | "local"> | undefined,
  how: Secrets,
): Failure | undefined {
  if (how !== "refuse" || !provider || provider.local) return undefined;
  if (withoutKeys(system) === system && withoutKeys(prompt) === prompt) return undefined;
  return new Failure("FORBIDDEN", `what ${provider.id} would be sent holds what looks like a key`, {
    hint: "Take it out of the task and its context; or let it be taken out on sending (setting `secrets: redact`), or ask a model on this machine.",
  });
}
