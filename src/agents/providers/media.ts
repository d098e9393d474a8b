import { inflateSync } from "node:zlib";
import { Failure } from "../../core/errors.ts";
import type { Media, Message, ModelRequest } from "../../core/provider.ts";

/** What a vendor may count for a picture, and for the text of a page of a document. */
export interface MediaRates {
  readonly picture: number;
  readonly page: number;
}

const mediaOf = (messages: readonly Message[]): readonly Media[] => messages.flatMap((message) => message.media ?? []);

/** The request without the bytes of its media, which no vendor counts as text. */
export const withoutBytes = (request: ModelRequest): ModelRequest => ({
  ...request,
  messages: request.messages.map((message) =>
    message.media ? { ...message, media: message.media.map((each) => ({ ...each, data: "" })) } : message,
  ),
});

/** A generous bound of what all media are counted as: a page is read as text, and looked at as a picture. */
export function mediaBound(messages: readonly Message[], { picture, page }: MediaRates): number {
  const tokens = (one: Media) => (one.type === "application/pdf" ? pagesOf(one) * (picture + page) : picture);
  return mediaOf(messages).reduce((sum, one) => sum + tokens(one), 0);
}

/** Fails where there are media and nobody who looks at them. */
export function refuseMedia({ messages, model }: ModelRequest, provider: string): void {
  const [first] = mediaOf(messages);
  if (!first) return;
  throw new Failure("BAD_REQUEST", `${provider}/${model} is given ${first.type}, and takes text alone`, {
    billed: "nothing",
    hint: `Give it as text, ask a model that takes pictures and documents, or, if it does: providers: { ${provider}: { media: true } }`,
  });
}

/** No vendor takes more; and where the bytes tell nothing of pages, so many bytes are taken for one. */
const MOST_PAGES = 1000;
const BYTES_A_PAGE = 1500;
const MOST_INFLATED = 50_000_000;

const known = new WeakMap<Media, number>();

/** The pages of a document, as well as its bytes tell. */
function pagesOf(media: Media): number {
  const before = known.get(media);
  if (before !== undefined) return before;
  const bytes = Buffer.from(media.data, "base64");
  const found = pagesIn(bytes.toString("latin1")) || Math.ceil(bytes.length / BYTES_A_PAGE);
  const pages = Math.min(MOST_PAGES, Math.max(1, found));
  known.set(media, pages);
  return pages;
}

/** Page objects stand in the open, or packed in streams of objects. */
function pagesIn(text: string): number {
  let found = pageObjects(text);
  let left = MOST_INFLATED;
  for (const { index, 0: head } of text.matchAll(/\/ObjStm\b[\s\S]{0,500}?stream\r?\n/g)) {
    const from = index + head.length;
    const packed = unpack(text.slice(from, text.indexOf("endstream", from)), left);
    left -= packed.length;
    found += pageObjects(packed);
  }
  return found;
}

const pageObjects = (text: string): number => text.match(/\/Type\s*\/Page(?![a-zA-Z])/g)?.length ?? 0;

function unpack(packed: string, most: number): string {
  try {
    return inflateSync(Buffer.from(packed, "latin1"), { maxOutputLength: Math.max(1, most) }).toString("latin1");
  } catch {
    return "";
  }
}
