import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Failure } from "../../core/errors.ts";
import { sizeText } from "../content.ts";
import { isFolder, placesOf } from "./places.ts";
import { builtIn } from "./tool.ts";
import { entriesOf } from "./walk.ts";

const MOST = 1000;

const Wish = z.strictObject({
  path: z.string().min(1).max(4096).optional().describe("A folder; without it, all allowed folders."),
});

/** Tells what stands in a folder. */
export const list = builtIn({
  name: "list",
  description: "Lists a folder inside the allowed folders: folders end in a slash, files come with their size.",
  input: Wish,
  seconds: 30,
  needs: "folders",
  async run({ path }, { folders }, signal) {
    const texts: string[] = [];
    for (const { real, shown } of await placesOf(path, folders)) {
      if (!(await isFolder(real))) throw new Failure("INVALID_INPUT", `${shown} is a file; read it with \`read\``);
      signal.throwIfAborted();
      texts.push(`${shown}/\n${await listed(real)}`);
    }
    return texts.join("\n\n");
  },
});

async function listed(folder: string): Promise<string> {
  const entries = await entriesOf(folder);
  if (entries.length === 0) return "  (empty)";
  const lines = await Promise.all(
    entries.slice(0, MOST).map(async (entry) => {
      if (entry.isDirectory()) return `  ${entry.name}/`;
      if (entry.isSymbolicLink()) return `  ${entry.name}  a link`;
      const size = await stat(join(folder, entry.name)).then(
        (found) => sizeText(found.size),
        () => "?",
      );
      return `  ${entry.name}  ${size}`;
    }),
  );
  return [...lines, ...(entries.length > MOST ? [`  [${entries.length - MOST} more]`] : [])].join("\n");
}
