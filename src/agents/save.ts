import { Failure } from "../core/errors.ts";
import type { Saved, ToSave } from "../core/workflow.ts";
import { pathToSave, type SavePlace, saveText } from "../files/save.ts";
import { readAgentFile } from "./files/agent-file.ts";

/** Writes an agent's file once it is sure that it can be read and says this name; tells where, and what is to be known of it. */
export function saveAgent(file: ToSave, place: SavePlace): Saved {
  const path = pathToSave(file, place);
  const reading = readAgentFile(path, file.text);
  if (!("draft" in reading))
    throw new Failure(
      "INVALID_AGENT",
      `it is no agent that could be asked, and nothing was written: ${reading.refused}`,
      {
        hint: "A file of an agent begins with ---, name, description and ---, and below stands what it is told.",
      },
    );
  const { draft, notes } = reading;
  if (draft.name !== file.name)
    throw new Failure(
      "INVALID_AGENT",
      `its \`name\` is ${JSON.stringify(draft.name)}, and it was to be saved as ${JSON.stringify(file.name)}`,
      {
        hint: "Write the same name in both places.",
      },
    );
  saveText(path, file.text);
  return { path, notes };
}
