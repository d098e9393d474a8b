import type { JsonSchema } from "../../core/provider.ts";

const PER_MESSAGE = 16;

/**
 * More tokens than a request can have. A byte-level tokenizer makes at most one token of a byte, so the bytes of the
 * body are a bound; vendors add marks around each message, a preamble, and a rendering of the schema.
 */
export function boundOf(body: object, messages: number, shape: JsonSchema | undefined, overhead: number): number {
  const schema = shape ? Buffer.byteLength(JSON.stringify(shape)) : 0;
  return Buffer.byteLength(JSON.stringify(body)) + PER_MESSAGE * (messages + 1) + schema + overhead;
}
