import type { Examined, Remark } from "../core/remark.ts";
import { type Problem, wordsOf } from "./problems.ts";
import { readFile, type Shelved, workflowShelf } from "./shelf.ts";
import { adviceOn, mistakesIn } from "./verdict.ts";
import type { World } from "./world.ts";

/** All that is wrong in these files, and what a careful reader would change; with none named, in all of the folders. */
export function examineWorkflows(
  folders: readonly string[],
  named: readonly string[] | undefined,
  around: Omit<World, "workflows">,
): Examined {
  const shelf = workflowShelf(folders);
  shelf.refresh();
  const chosen = named?.map((path) => readFile(path));
  const all = [...(chosen ?? []), ...shelf.all()];
  const firsts = new Map(all.toReversed().map((file) => [file.name, file]));
  const definition = (name: string) => firsts.get(name)?.text.definition;
  const world = { ...around, workflows: { names: () => firsts.keys(), definition } };
  const files = chosen ?? shelf.all();
  return {
    files: files.map(({ path }) => path),
    remarks: files.flatMap((file) => remarksOn(file, firsts.get(file.name), world)),
  };
}

function remarksOn(file: Shelved, first: Shelved | undefined, world: World): Remark[] {
  const { path, name, text } = file;
  const mistakes = mistakesIn(text, world).map((problem) => remark(path, "error", problem));
  if (mistakes.length > 0) return mistakes;
  const advice = adviceOn(name, text, world).map((problem) => remark(path, "warning", problem));
  if (!first || first.path === path) return advice;
  return [{ file: path, severity: "error", message: `the name \`${name}\` is taken by ${first.path}` }, ...advice];
}

const remark = (file: string, severity: Remark["severity"], problem: Problem): Remark => ({
  file,
  ...(problem.line !== undefined && { line: problem.line }),
  ...(problem.column !== undefined && { column: problem.column }),
  severity,
  message: wordsOf(problem),
});
