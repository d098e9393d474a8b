import { Failure } from "../core/errors.ts";
import type { Saved, ToSave } from "../core/workflow.ts";
import { pathToSave, type SavePlace, saveText } from "../files/save.ts";
import { invalid, told } from "./problems.ts";
import { parseWorkflow } from "./read.ts";
import { adviceOn, mistakesIn } from "./verdict.ts";
import type { World } from "./world.ts";

/** Writes a workflow's file once it is sure that it can be played; tells where, and what a careful reader would change. */
export function saveWorkflow(file: ToSave, place: SavePlace, world: World): Saved {
  const path = pathToSave(file, place);
  const text = parseWorkflow(file.text);
  const mistakes = mistakesIn(text, world);
  if (mistakes.length > 0) throw invalid("The workflow", mistakes);
  if (text.name !== undefined && text.name !== file.name)
    throw new Failure(
      "INVALID_WORKFLOW",
      `its \`name\` is ${JSON.stringify(text.name)}, and it was to be saved as ${JSON.stringify(file.name)}`,
      { hint: "Write the same name in both places." },
    );
  saveText(path, file.text);
  return { path, notes: adviceOn(file.name, text, world).map(told) };
}
