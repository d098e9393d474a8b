/** A task as it is drawn. */
export interface Drawn {
  readonly id: string;
  readonly worker: string;
  readonly task: string;
  readonly after: readonly string[];
  readonly reads: readonly string[];
  readonly status?: "succeeded" | "failed" | "skipped";
}

const SHOWN = 60;

const STYLES = [
  "  classDef succeeded fill:#dff5e1,stroke:#2b7a3d",
  "  classDef failed fill:#fde0e0,stroke:#a33030",
  "  classDef skipped fill:#eeeeee,stroke:#888888",
];

/** A plan as Mermaid text: a box a task, an arrow from each task to those that follow it, dashed where it is not read. */
export function drawPlan(tasks: readonly Drawn[]): string {
  const numbers = new Map(tasks.map(({ id }, index) => [id, `t${index}`]));
  const boxes = tasks.map(({ id, worker, task, status }, index) => {
    const label = [`${id}: ${worker}`, short(task)].map(escaped).join("<br/>");
    return `  t${index}["${label}"]${status === undefined ? "" : `:::${status}`}`;
  });
  const arrows = tasks.flatMap(({ after, reads }, index) =>
    [...new Set([...reads, ...after])].flatMap((id) => {
      const from = numbers.get(id);
      return from === undefined ? [] : [`  ${from} ${reads.includes(id) ? "-->" : "-.->"} t${index}`];
    }),
  );
  const styles = tasks.some(({ status }) => status !== undefined) ? STYLES : [];
  return ["flowchart TD", ...boxes, ...arrows, ...styles].join("\n");
}

function short(text: string): string {
  const line = [...text.replace(/\s+/g, " ").trim()];
  return line.length > SHOWN ? `${line.slice(0, SHOWN - 1).join("")}…` : line.join("");
}

/** Text that cannot end its own quotes or be taken for a tag. */
const escaped = (text: string): string =>
  text.replace(/\s+/g, " ").replace(/[&<>"#;`\\]/g, (c) => `#${c.charCodeAt(0)};`);
