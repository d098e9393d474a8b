import { label } from "../core/drawing.ts";
import { placeNames } from "../core/place.ts";
import type { StepRecord } from "../core/record.ts";

interface Node {
  readonly name: string;
  record?: StepRecord;
  readonly inner: Map<string, Node>;
}

const MOST = 200;

/** A run drawn as Mermaid text: steps in order, branches side by side, colours for how they ended. A claim is no step. */
export function mermaid(pattern: string, records: readonly StepRecord[]): string {
  const drawing = new Drawing();
  const root: Node = { name: pattern, inner: new Map() };
  const drawn = records.filter(({ place }) => !place.endsWith("/~claim"));
  for (const record of drawn.slice(0, MOST)) plant(root, record);
  drawing.chain([...root.inner.values()], [drawing.box(`([${label(pattern)}])`)]);
  if (drawn.length > MOST) drawing.box(`[${label(`and ${drawn.length - MOST} more steps`)}]`);
  return drawing.text();
}

function plant(root: Node, record: StepRecord): void {
  let at = root;
  for (const name of placeNames(record.place)) {
    const next = at.inner.get(name) ?? { name, inner: new Map() };
    at.inner.set(name, next);
    at = next;
  }
  at.record = record;
}

/** The places under a map are numbers: they stand side by side. */
const areBranches = (nodes: readonly Node[]): boolean =>
  nodes.length > 0 && nodes.every(({ name }) => /^\d+$/.test(name));

class Drawing {
  readonly #lines: string[] = ["flowchart TD"];
  #count = 0;

  box(shape: string): string {
    const id = `s${this.#count++}`;
    this.#lines.push(`  ${id}${shape}`);
    return id;
  }

  /** Draws nodes one after another, from where the arrows come, and says where the next ones go out from. */
  chain(nodes: readonly Node[], from: readonly string[]): readonly string[] {
    return nodes.reduce((before, node) => this.#node(node, before), from);
  }

  #node({ name, record, inner }: Node, from: readonly string[]): readonly string[] {
    const within = [...inner.values()];
    const ends = areBranches(within)
      ? within.flatMap(({ record: own, inner: steps }) =>
          steps.size > 0 ? this.chain([...steps.values()], from) : own ? this.#step(name, own, from) : [],
        )
      : this.chain(within, from);
    return record && (within.length === 0 || record.kind === "call") ? this.#step(name, record, ends) : ends;
  }

  #step(name: string, record: StepRecord, from: readonly string[]): readonly string[] {
    const said = [name, record.agent, record.status === "success" ? `${record.ms} ms` : record.status];
    const id = this.box(`[${label(said.filter(Boolean).join("<br/>"))}]:::${record.status.replace(" ", "_")}`);
    for (const source of from) this.#lines.push(`  ${source} --> ${id}`);
    return [id];
  }

  text(): string {
    return [...this.#lines, ...STYLES].join("\n");
  }
}

const STYLES = [
  "  classDef success fill:#dff5e1,stroke:#2b7a3d",
  "  classDef semantic_failure fill:#fff1cc,stroke:#9a6b00",
  "  classDef exception fill:#fde0e0,stroke:#a33030",
  "  classDef running fill:#e0ecff,stroke:#2f5fb3",
  "  classDef waiting fill:#eee6ff,stroke:#6a46b3",
];
