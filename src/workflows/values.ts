import type { Condition } from "../core/condition.ts";
import type { Expression } from "../core/expression.ts";
import { compileTemplate } from "../core/template.ts";
import type { Node } from "./definition.ts";
import { compilePart, type Part, type Path, partsOf, texts, variablesOf } from "./references.ts";

/** What expressions and templates read, by variable. */
export type Values = Readonly<Record<string, unknown>>;
/** A value with places for values in it. */
export type Fill = (values: Values) => unknown;

/** What parts may read where they stand, and what of it is the author's own word. */
export interface Around {
  readonly variables: readonly string[];
  /** Paths whose values stand in prompts as they are. */
  readonly trusted: readonly string[];
}

/** The parts of one node, compiled, by where they stand in it. */
export class Parts {
  readonly #node: Node;
  readonly #around: Around;
  readonly #parts: ReadonlyMap<string, Part>;

  constructor(node: Node, around: Around) {
    this.#node = node;
    this.#around = around;
    this.#parts = new Map(partsOf(node).map((part) => [part.path.join("\0"), part]));
  }

  /** What stands at a path with all its places filled; a value without any is itself. */
  fill(path: Path, written: unknown, forPrompt?: true): Fill {
    return filler(path, written, (at) => {
      const part = this.#parts.get(at.join("\0"));
      const variables = part && variablesOf(part, this.#node, this.#around.variables);
      return part && filled(forPrompt ? { ...part, prompt: true } : part, variables ?? [], this.#around.trusted);
    });
  }

  condition(...path: Path): Condition | undefined {
    return this.#compiled("condition", path) as Condition | undefined;
  }

  expression(...path: Path): Expression | undefined {
    return this.#compiled("expression", path) as Expression | undefined;
  }

  #compiled(kind: Part["kind"], path: Path) {
    const part = this.#parts.get(path.join("\0"));
    return part?.kind === kind ? compilePart(part, variablesOf(part, this.#node, this.#around.variables)) : undefined;
  }
}

/** A value that belongs to no node, such as a workflow's `output`. */
export function fillOf(written: unknown, variables: readonly string[]): Fill {
  const parts = new Map(texts([], written).map((part) => [part.path.join("\0"), part]));
  return filler([], written, (at) => {
    const part = parts.get(at.join("\0"));
    return part && filled(part, variables, []);
  });
}

function filled(part: Part, variables: readonly string[], trusted: readonly string[]): Fill {
  if (part.kind === "template") {
    const { prompt } = part;
    const template = compileTemplate(part.text, variables, { prompt, trusted });
    return (values) => template.render(values);
  }
  const expression = compilePart(part as Part<"expression">, variables);
  return (values) => expression.value(values);
}

function filler(path: Path, written: unknown, partAt: (path: Path) => Fill | undefined): Fill {
  if (typeof written === "string") return partAt(path) ?? (() => written);
  if (typeof written !== "object" || written === null) return () => written;
  if (Array.isArray(written)) {
    const items = written.map((item, index) => filler([...path, index], item, partAt));
    return (values) => items.map((item) => item(values));
  }
  const entries = Object.entries(written).map(([key, value]) => [key, filler([...path, key], value, partAt)] as const);
  return (values) => Object.fromEntries(entries.map(([key, fill]) => [key, fill(values)]));
}
