import { hash } from "node:crypto";
import { type Part, partsOf, saidIn, weightOf } from "./read-asked.ts";
import type { Asked } from "./script.ts";

/** What of a request's input was read from a cache, and what was written to it, in tokens. */
export interface Cached {
  readonly cached: number;
  readonly cache_write: number;
}

const LEAST = 1024;
const LOOK_BACK = 20;
const KEPT = 500;

interface Piece {
  /** Of this piece and all before it. */
  readonly hash: string;
  readonly tokens: number;
  readonly marked: boolean;
}

/**
 * The vendor's own cache of prompts, by its own rules. Anthropic's remembers what ends at a mark, and looks at most 20
 * blocks back from one; OpenAI's, where it is switched on, remembers by itself what begins alike, in steps of 128 tokens.
 * What is remembered can be read by requests that come after the answer to it has begun.
 */
export class PromptCache {
  readonly #automatic: boolean;
  readonly #known = new Set<string>();
  readonly #prompts: string[] = [];

  constructor(automatic: boolean) {
    this.#automatic = automatic;
  }

  /** What this request reads and writes now, and how the vendor comes to remember it. */
  look(asked: Asked): Cached & { readonly keep: () => void } {
    if (asked.dialect === "openai") return this.#lookAlike(asked);
    const pieces = piecesOf(asked);
    const marks = pieces.flatMap(({ marked }, at) => (marked ? at : []));
    const found = marks.map((mark) => this.#found(pieces, mark));
    const cached = Math.max(0, ...found);
    const most = pieces[marks.at(-1) ?? -1]?.tokens ?? 0;
    const cache_write = most >= LEAST ? Math.max(0, most - cached) : 0;
    const keep = () => {
      for (const mark of marks) {
        const piece = pieces[mark];
        if (piece && piece.tokens >= LEAST) this.#known.add(piece.hash);
      }
    };
    return { cached, cache_write, keep };
  }

  #found(pieces: readonly Piece[], mark: number): number {
    const near = pieces.slice(Math.max(0, mark - LOOK_BACK), mark + 1);
    return near.findLast((piece) => this.#known.has(piece.hash))?.tokens ?? 0;
  }

  #lookAlike(asked: Asked): Cached & { readonly keep: () => void } {
    if (!this.#automatic) return { cached: 0, cache_write: 0, keep() {} };
    const { model, body } = asked;
    const prompt = JSON.stringify([model, body["tools"] ?? [], body["messages"]]);
    const alike = Math.max(0, ...this.#prompts.map((other) => sameStart(prompt, other)));
    const tokens = Math.floor(alike / 4 / 128) * 128;
    const keep = () => {
      this.#prompts.push(prompt);
      if (this.#prompts.length > KEPT) this.#prompts.shift();
    };
    return { cached: tokens >= LEAST ? tokens : 0, cache_write: 0, keep };
  }
}

function sameStart(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

/** Tools, then system, then messages: the order in which the vendor reads them. */
function piecesOf({ model, body }: Asked): Piece[] {
  const tools = (body["tools"] as Part[] | undefined) ?? [];
  const said = saidIn(body).flatMap(({ role, content }) => partsOf(content).map((part) => ({ role, part })));
  const all = [
    ...tools.map((part) => ({ role: "tool", part })),
    ...partsOf(body["system"]).map((part) => ({ role: "system", part })),
    ...said,
  ];
  const pieces: Piece[] = [];
  let bytes = 0;
  let before = model;
  for (const { role, part } of all) {
    const { cache_control, ...rest } = part;
    bytes += weightOf(part);
    before = hash("sha256", JSON.stringify([before, role, rest]), "hex");
    pieces.push({ hash: before, tokens: Math.ceil(bytes / 4), marked: cache_control !== undefined });
  }
  return pieces;
}
