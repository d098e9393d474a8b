import { textHash } from "../core/fingerprint.ts";

const LONGEST = 64;
const MARK = 8;

interface Named {
  readonly server: string;
  readonly tool: string;
}

/**
 * The names under which a model is told of tools: letters, digits, `_` and `-`, 64 at the most, each different. Those
 * that would be too long, or alike, end in a mark that depends on nothing but the tool.
 */
export function toolNames(tools: readonly Named[]): string[] {
  const plain = tools.map(plainName);
  const counts = new Map<string, number>();
  for (const name of plain) counts.set(name, (counts.get(name) ?? 0) + 1);
  const names = tools.map((tool, i) => {
    const name = plain[i] ?? "";
    return name.length <= LONGEST && counts.get(name) === 1 ? name : marked(tool, name, MARK);
  });
  // Somebody may call a tool after the mark of another.
  return names.map((name, i) => {
    const tool = tools[i];
    return tool && names.indexOf(name) < i ? marked(tool, name, 2 * MARK) : name;
  });
}

const plainName = ({ server, tool }: Named): string => `${server}_${tool}`.replaceAll(/[^A-Za-z0-9_-]/g, "_");

function marked({ server, tool }: Named, name: string, length: number): string {
  const mark = textHash(`${server}/${tool}`)
    .replaceAll(/[^A-Za-z0-9]/g, "")
    .slice(0, length);
  return `${name.slice(0, LONGEST - mark.length - 1)}_${mark}`;
}
