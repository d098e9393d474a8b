import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Knows the forms of its own pages: no other page can send one in somebody's name. */
export class FormGuard {
  readonly #key = randomBytes(32);

  /** What a form carries for this reader; `form` says what it is for. */
  tokenOf(reader: string, form: readonly string[]): string {
    return createHmac("sha256", this.#key)
      .update(JSON.stringify([reader, ...form]))
      .digest("base64url");
  }

  /** Does a form carry what it was made with? */
  knows(given: string, reader: string, form: readonly string[]): boolean {
    const [a, b] = [Buffer.from(given), Buffer.from(this.tokenOf(reader, form))];
    return a.length === b.length && timingSafeEqual(a, b);
  }
}

/** Was this request made by a page of this very server? Browsers say so; what is no browser does not. */
export function isSameOrigin(request: Request): boolean {
  const origin = request.headers.get("origin");
  if (origin === null) return request.headers.get("sec-fetch-site") === "same-origin";
  const host = request.headers.get("host");
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** Was it made by a page of another server? */
export function isCrossOrigin(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (request.headers.get("origin") !== null) return !isSameOrigin(request);
  return site !== null && site !== "same-origin" && site !== "none";
}
