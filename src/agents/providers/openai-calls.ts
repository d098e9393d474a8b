import type { Heard } from "./uses.ts";

/** One call as far as it has come, and what its server sent beside it. */
interface Call {
  index: number | undefined;
  id: string;
  name: string;
  text: string;
  more: Readonly<Record<string, unknown>>;
}

type Thing = Readonly<Record<string, unknown>>;

/**
 * Gathers calls of tools from the pieces of a stream. Servers number the pieces, or name them by id, or send each call
 * whole without either, or know one call only, in the old form.
 */
export class OpenAiCalls {
  readonly #calls: Call[] = [];

  get heard(): readonly Heard[] {
    return this.#calls;
  }

  /** What must come back with the calls, in their order: some servers sign them. */
  get more(): readonly Thing[] {
    return this.#calls.map(({ more }) => more);
  }

  /** The calls of one piece of a message, if it has any. */
  add(delta: unknown): void {
    const { tool_calls, function_call } = inside(delta);
    if (Array.isArray(tool_calls)) for (const piece of tool_calls) this.#piece(inside(piece));
    else if (isThing(function_call)) this.#piece({ index: 0, function: function_call });
  }

  #piece({ index: at, id: told, type: _, function: given, ...more }: Thing): void {
    const { name, arguments: args } = inside(given);
    const piece = { id: textOr(told), name: textOr(name), index: typeof at === "number" ? at : undefined };
    const call = this.#goesOn(piece) ?? this.#begin(piece);
    if (call.id === "") call.id = piece.id;
    if (call.name === "") call.name = piece.name;
    call.text += isThing(args) ? JSON.stringify(args) : textOr(args);
    call.more = { ...call.more, ...more };
  }

  #begin(piece: Pick<Call, "id" | "name" | "index">): Call {
    const call = { ...piece, text: "", more: {} };
    this.#calls.push(call);
    return call;
  }

  /** The call that a piece belongs to; undefined where it begins one. Several whole calls may have one number. */
  #goesOn({ id, name, index }: Pick<Call, "id" | "name" | "index">): Call | undefined {
    const call = index === undefined ? this.#calls.at(-1) : this.#calls.findLast((other) => other.index === index);
    if (!call || (id !== "" && call.id !== "" && id !== call.id)) return undefined;
    const again = id === "" && name !== "" && call.name !== "" && (index === undefined || isWhole(call.text));
    return again ? undefined : call;
  }
}

function isWhole(text: string): boolean {
  try {
    return text !== "" && typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
}

const isThing = (thing: unknown): thing is Thing =>
  typeof thing === "object" && thing !== null && !Array.isArray(thing);
const inside = (thing: unknown): Thing => (isThing(thing) ? thing : {});
const textOr = (thing: unknown): string => (typeof thing === "string" ? thing : "");
