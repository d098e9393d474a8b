import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../core/errors.ts";
import { writeYaml } from "../core/yaml-text.ts";
import type { Baton } from "../server.ts";
import { savedWorkflow } from "../tools/saved.ts";
import { OK } from "./complain.ts";
import { looking } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

export interface SaveOptions extends CommonOptions {
  readonly as: string;
  readonly force?: boolean;
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** `baton save`: writes what a run did as a workflow into the first folder of the setting `workflows`. */
export const save = (id: string, { as: name, force = false, ...common }: SaveOptions): Promise<number> =>
  looking(common, async (baton) => {
    const path = pathFor(baton, name, force);
    const definition = await definitionOf(baton, id, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, writeYaml(definition));
    process.stdout.write(`${path}\n`);
    return OK;
  });

function pathFor({ config: { workflows } }: Baton, name: string, force: boolean): string {
  const [folder] = workflows;
  if (folder === undefined)
    throw new Failure("INVALID_SETTINGS", "the setting `workflows` names no folder to save into", {
      hint: "Such as workflows: [workflows].",
    });
  if (!NAME.test(name))
    throw new Failure("INVALID_INPUT", `${JSON.stringify(name)} is no name of a workflow`, {
      hint: "It has small letters, digits, - and _ (at most 64), such as weekly-report.",
    });
  const path = join(folder, `${name}.yaml`);
  if (!existsSync(path) || force) return path;
  throw new Failure("INVALID_INPUT", `${path} is there already, and was left as it is`, {
    hint: "Choose another name, or say --force to write over it.",
  });
}

/** What a run did, as a definition that can be played: nothing else is written. */
async function definitionOf(baton: Baton, id: string, name: string): Promise<object> {
  const { store } = await baton.open();
  const run = await store.get(id);
  if (!run) throw new Failure("NOT_FOUND", `there is no run ${id}`, { hint: "baton runs lists them." });
  const pattern = baton.patterns.find((each) => each.name === run.pattern);
  const catalogue = await store.catalogue(run.catalogue);
  if (!pattern || !catalogue) throw new Failure("NOT_FOUND", `this server does not know ${run.pattern}`);
  const definition = savedWorkflow(run, catalogue, pattern, name);
  // Reading whom it asks checks all of it, and throws where it could not be played.
  baton.patterns.find((each) => each.name === "run_workflow")?.agents({ definition });
  return definition;
}
