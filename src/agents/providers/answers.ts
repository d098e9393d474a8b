import { UnreadableAnswer } from "./classify.ts";
import { nodeFetch } from "./fetch.ts";

type Fetch = typeof nodeFetch;

/**
 * The `fetch` that is given to an SDK. A page of HTML with a good status is no answer; plain JSON where a stream was
 * asked for is turned into a stream of one event.
 */
export function answers(asStream: (body: string) => string): Fetch {
  return async (input, init) => {
    const response = await nodeFetch(input, init);
    const type = response.headers.get("content-type") ?? "";
    if (!response.ok || init?.method !== "POST") return response;
    if (/\bhtml\b/i.test(type)) {
      await response.body?.cancel();
      throw new UnreadableAnswer();
    }
    if (!/\bjson\b/i.test(type)) return response;
    const body = asStream(await response.text());
    return new Response(body, { status: 200, headers: { "content-type": "text/event-stream" } });
  };
}

/**
 * Hears a stream to its end. Whoever trips over a piece of it trips over nonsense of the server's, which the SDKs
 * take for what their types promise.
 */
export async function hear<T>(stream: AsyncIterable<T>, add: (piece: T) => void): Promise<void> {
  try {
    for await (const piece of stream) add(piece);
  } catch (error) {
    throw error instanceof TypeError ? new UnreadableAnswer("nonsense in a stream", { cause: error }) : error;
  }
}
