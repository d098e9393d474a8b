import { z } from "zod";
import { Failure } from "../../core/errors.ts";
import { hostFor } from "../../core/hosts.ts";
import { failureOf, isRedirect } from "../../core/http-answer.ts";
import { sizeText } from "../content.ts";
import { htmlText } from "./html.ts";
import { builtIn, type Reach } from "./tool.ts";

const MOST_BYTES = 4 * 1024 * 1024;
const REDIRECTS = 5;

const Wish = z.strictObject({
  url: z.string().min(1).max(4096).describe("Where to look; only hosts that the settings allow are asked."),
});

/** Reads a page, with no key of anybody. */
export const fetchPage = builtIn({
  name: "fetch",
  description:
    "Reads a web page or a text at a URL (GET, without credentials). HTML comes as readable text; pictures and other files are only described.",
  input: Wish,
  seconds: 30,
  needs: "hosts",
  async run({ url }, { hosts, fetch }, signal) {
    let at = allowedUrl(url, hosts);
    try {
      for (let hops = 0; ; hops++) {
        const response = await fetch(at, { headers: HEADERS, redirect: "manual", signal });
        const to = isRedirect(response) ? response.headers.get("location") : null;
        if (to === null) return await told(response, at);
        await response.body?.cancel();
        if (hops >= REDIRECTS || !URL.canParse(to, at.href))
          throw new Failure("BAD_REQUEST", `${url} sends on and on; it was not followed`);
        at = allowedUrl(new URL(to, at.href).href, hosts);
      }
    } catch (error) {
      if (error instanceof Failure) throw error;
      if (signal.aborted) throw signal.reason;
      const why = error instanceof Error ? error.message : String(error);
      throw new Failure("NETWORK", `${at.host} cannot be reached: ${why}`, { cause: error });
    }
  },
});

const HEADERS = { accept: "text/html, text/*;q=0.9, application/json;q=0.9, */*;q=0.5", "user-agent": "baton" };

/** The settings name it, or it is not asked; a page that sends on cannot change that. */
function allowedUrl(text: string, hosts: Reach["hosts"]): URL {
  if (!URL.canParse(text)) throw new Failure("INVALID_INPUT", `${JSON.stringify(text)} is no URL`);
  const url = new URL(text);
  if (url.username !== "" || url.password !== "")
    throw new Failure("INVALID_INPUT", "a URL with a user or a password is not asked");
  hostFor(url, hosts);
  return url;
}

async function told(response: Response, url: URL): Promise<string> {
  const type = response.headers.get("content-type") ?? "text/plain";
  const bytes = await bytesOf(response);
  if (response.status >= 400) {
    const body = new TextDecoder().decode(bytes.bytes.subarray(0, 2000));
    throw failureOf({ status: response.status, headers: response.headers, body }, url);
  }
  const rest = bytes.cut ? `\n[only the first ${sizeText(MOST_BYTES)} were read]` : "";
  if (!isText(type) || bytes.bytes.subarray(0, 8192).includes(0))
    return `[${url.href}: ${type}, ${sizeText(bytes.bytes.byteLength)}${bytes.cut ? " or more" : ""}, not shown]`;
  const text = decode(bytes.bytes, type);
  if (!/^(text\/html|application\/xhtml)/i.test(type)) return text + rest;
  const page = htmlText(text);
  return `${page.title === "" ? "" : `${page.title}\n\n`}${page.text}${rest}`;
}

const isText = (type: string): boolean => /^text\/|[/+](json|xml|yaml|javascript|xhtml)/i.test(type);

function decode(bytes: Uint8Array, type: string): string {
  try {
    return new TextDecoder(/charset="?([\w-]+)/i.exec(type)?.[1] ?? "utf-8").decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes); // A name that nobody knows.
  }
}

async function bytesOf(response: Response): Promise<{ bytes: Buffer; cut: boolean }> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.byteLength;
    pieces.push(piece);
    if (size > MOST_BYTES) return { bytes: Buffer.concat(pieces).subarray(0, MOST_BYTES), cut: true };
  }
  return { bytes: Buffer.concat(pieces), cut: false };
}
