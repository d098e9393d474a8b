import { z } from "zod";
import { canonical, textHash } from "./fingerprint.ts";
import type { Message } from "./provider.ts";
import { redact, redactText } from "./redact.ts";

/** A message as a cassette has it: media by what they are and their hash, and nothing that only a vendor reads. */
export const TapedMessage = z.object({
  role: z.enum(["user", "assistant"]),
  content: z.string(),
  uses: z.array(z.object({ id: z.string(), name: z.string(), arguments: z.unknown() })).optional(),
  results: z.array(z.object({ id: z.string(), content: z.string(), is_error: z.boolean().optional() })).optional(),
  media: z.array(z.object({ type: z.string(), hash: z.string() })).optional(),
});
export type TapedMessage = z.output<typeof TapedMessage>;

export const tapedMessage = ({ role, content, uses, results, media }: Message): TapedMessage => ({
  role,
  content,
  ...(uses && { uses: [...uses] }),
  ...(results && { results: [...results] }),
  ...(media && { media: media.map(({ type, data }) => ({ type, hash: textHash(data) })) }),
});

/** What tells it from others; of one that is text alone, as cassettes have always had it. */
export function messageKey({ role, content, ...beside }: TapedMessage): unknown[] {
  return Object.keys(beside).length > 0 ? [role, content, beside] : [role, content];
}

/** The same without what looks like a secret. */
export const shownMessage = ({ content, uses, results, ...rest }: TapedMessage): TapedMessage => ({
  ...rest,
  content: redactText(content),
  ...(uses && { uses: redact(uses) as NonNullable<TapedMessage["uses"]> }),
  ...(results && { results: results.map((result) => ({ ...result, content: redactText(result.content) })) }),
});

/** In words, what of a message beside its text differs from what it was to be. */
export function otherwise(was: TapedMessage, is: TapedMessage): string | undefined {
  const differs = (key: "uses" | "results" | "media") => canonical(was[key]) !== canonical(is[key]);
  if (differs("uses")) return "wants other tools called, or with other arguments";
  if (differs("results")) return "tells other results of tools";
  return differs("media") ? "has other media" : undefined;
}
