import type { ModelRequest } from "../../core/provider.ts";
import { mediaBound, withoutBytes } from "./media.ts";

const PER_MESSAGE = 16;
/** What vendors say around tools, and around each of them. */
const TOOLS = 1000;
const PER_TOOL = 32;

/**
 * More tokens than a request can have. A byte-level tokenizer makes at most one token of a byte, so the bytes of the
 * body are a bound; vendors add marks around each message, a preamble, and a rendering of the schema and of the tools.
 */
export function boundOf(
  body: object,
  messages: number,
  { shape, tools = [] }: Pick<ModelRequest, "shape" | "tools">,
  overhead: number,
): number {
  const rendered = [...(shape ? [shape] : []), ...tools].reduce((sum, each) => sum + bytesOf(each), 0);
  const around = tools.length > 0 ? TOOLS + PER_TOOL * tools.length : 0;
  return bytesOf(body) + PER_MESSAGE * (messages + 1) + rendered + around + overhead;
}

/** The bound for whoever has no body of his own: of any vendor's, with what the dearest counts for pictures and pages. */
export function plainBound(request: ModelRequest): number {
  const { system, messages } = withoutBytes(request);
  const said = messages.reduce((sum, { results = [] }) => sum + 1 + results.length, 0);
  const media = mediaBound(request.messages, { picture: 50_000, page: 8000 });
  return boundOf(messages, said, request, Buffer.byteLength(system)) + media;
}

const bytesOf = (thing: object): number => Buffer.byteLength(JSON.stringify(thing));
