import { refName } from "./agent.ts";
import type { Outline, OutlineStep } from "./outline.ts";

/** A label that Mermaid can neither end early nor take for a tag; `<br/>` stays. */
export function label(text: string): string {
  const safe = text
    .split("<br/>")
    .map((part) => part.replaceAll(/\s+/g, " ").replace(/[&<>"#;`]/g, (c) => `#${c.charCodeAt(0)};`))
    .join("<br/>");
  return `"${safe}"`;
}

/** What a pattern is going to do, drawn as Mermaid text with so many steps at the most. */
export function drawOutline(outline: Outline, most = 200): string {
  const drawing = new Drawing(most);
  drawing.steps(outline, "  ");
  return drawing.text();
}

class Drawing {
  readonly #lines: string[] = ["flowchart TD"];
  readonly #most: number;
  #count = 0;
  #left = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Draws the steps of one outline, and their arrows after them, since a step may go back to a later one. */
  steps({ steps }: Outline, indent: string): void {
    const ids = new Map(steps.flatMap((step) => this.#step(step, indent)));
    for (const { name, after, back } of steps) {
      const to = ids.get(name);
      if (to === undefined) continue;
      for (const from of after.flatMap((other) => ids.get(other) ?? [])) this.#lines.push(`${indent}${from} --> ${to}`);
      const target = back === undefined ? undefined : ids.get(back);
      if (target !== undefined) this.#lines.push(`${indent}${to} -. back .-> ${target}`);
    }
  }

  #step(step: OutlineStep, indent: string): [string, string][] {
    if (this.#count >= this.#most) {
      this.#left++;
      return [];
    }
    const id = `s${this.#count++}`;
    if (!step.inner) this.#lines.push(`${indent}${id}${shape(step)}`);
    else {
      this.#lines.push(`${indent}subgraph ${id} [${said(step)}]`);
      this.steps(step.inner, `${indent}  `);
      this.#lines.push(`${indent}end`);
    }
    return [[step.name, id]];
  }

  text(): string {
    const rest = this.#left > 0 ? [`  more[${label(`and ${this.#left} more`)}]`] : [];
    return [...this.#lines, ...rest].join("\n");
  }
}

function shape(step: OutlineStep): string {
  switch (step.kind) {
    case "call":
    case "run":
      return `[${said(step)}]`;
    case "act":
      return `[[${said(step)}]]`;
    case "wait":
      return `{{${said(step)}}}`;
    case "code":
      return `(${said(step)})`;
  }
}

/** "draft", who does it where that is another word, and how often. */
function said({ name, agent, least, most }: OutlineStep): string {
  const who = agent === undefined ? name : refName(agent);
  const often =
    most === 1 ? (least === 0 ? "if needed" : "") : least === most ? `${most} times` : `${least} to ${most} times`;
  return label([name, who === name ? "" : who, often].filter(Boolean).join("<br/>"));
}
