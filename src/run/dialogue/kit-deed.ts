import type { DeedScene } from "../../core/deed.ts";
import { Failure } from "../../core/errors.ts";
import { splitModel } from "../../core/provider.ts";
import { BUILT_IN_SERVER, LISTS_TOOLS, type ToolsGiven } from "../../core/toolbox.ts";
import type { Playing } from "../playing.ts";

/** The deed that finds what an agent has at hand. */
export const FINDS_KIT = "kit";

export interface KitInput {
  readonly grants: readonly string[];
  /** Whose vendor is to search the web. */
  readonly model?: string;
}

export interface KitGiven extends ToolsGiven {
  readonly searches: boolean;
}

/**
 * What is there of the tools that an agent is granted. Built-in ones that cannot work here are told to the agent, and so
 * is a single tool of many that cannot be used; without what is granted by name it would not be the agent its author
 * meant, so it is not asked.
 */
export async function findKit(input: unknown, play: Playing, scene: DeedScene): Promise<KitGiven> {
  const { grants, model } = input as KitInput;
  const given = grants.length > 0 ? await listed(grants, play, scene) : { tools: [], lacking: [] };
  const isBuiltIn = (grant: string) => grant.startsWith(`${BUILT_IN_SERVER}/`);
  const missing = given.lacking.filter(({ grant }) => grants.includes(grant) && !isBuiltIn(grant));
  if (missing.length > 0) throw withoutTools(missing);
  const provider = model === undefined ? undefined : play.stage.desk.provider(splitModel(model).provider);
  return { ...given, searches: provider?.can?.web_search === true };
}

const listed = async (grants: readonly string[], play: Playing, scene: DeedScene): Promise<ToolsGiven> =>
  (await play.stage.deeds.perform(LISTS_TOOLS, { grants }, scene, play)) as ToolsGiven;

const withoutTools = (missing: ToolsGiven["lacking"]): Failure =>
  new Failure("TOOLS_MISSING", missing.map(({ grant, why }) => `${grant}: ${why}`).join("; "), {
    hint: "Without its tools the agent was not asked. Mend what is named, then control_run retry goes on from here.",
  });
