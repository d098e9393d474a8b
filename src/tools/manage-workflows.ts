import { z } from "zod";
import { Failure } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Pattern } from "../core/pattern.ts";
import type { Library } from "../core/workflow.ts";
import { writeYaml } from "../core/yaml-text.ts";
import { clip } from "./fit.ts";
import { joined, lacks, managed } from "./managed.ts";
import { ownRun } from "./own-run.ts";
import { rowPage } from "./page.ts";
import { savedWorkflow } from "./saved.ts";
import { simpleTool } from "./simple-tool.ts";
import { MANAGES, type Reply, type Rooms, type Setting, type Tool } from "./tool.ts";
import { lazily, outputSchema } from "./wire.ts";

const Input = z.strictObject({
  action: z.enum(["list", "save", "retire", "restore"]),
  name: z.string().max(100).optional(),
  definition: z
    .union([z.string().max(262_144), z.record(z.string(), z.unknown())])
    .optional()
    .describe("for save: YAML text, or the definition as data"),
  run_id: z.string().optional().describe("for save, instead of a definition: what this run did"),
  replace: z.boolean().optional().describe("for save: write over a file that is there"),
  note: z.string().max(500).optional().describe("for retire: why"),
  cursor: z.string().max(20).optional(),
});
type Input = z.output<typeof Input>;

const Output = z.object({
  action: z.string().optional(),
  workflows: z.array(z.record(z.string(), z.unknown())).optional(),
  workflow: z.record(z.string(), z.unknown()).optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  next: z.object({ tool: z.string(), arguments: z.record(z.string(), z.unknown()) }).optional(),
});
const OUTPUT_SCHEMA = lazily(() => outputSchema(Output));

const TOOL = "manage_workflows";
const ROOM = 1200;

/** The saved workflows, as somebody who owns them sees them. */
export const manageWorkflows = (setting: Setting, patterns: readonly Pattern[]): Tool =>
  simpleTool(
    {
      name: TOOL,
      title: "Manage workflows",
      description:
        "Saved workflows: list them, save a definition or what a run did as a file, retire one (refused for new runs; its file stays), " +
        "restore it. Not to play one (run_workflow).",
      input: Input,
      outputSchema: OUTPUT_SCHEMA,
      hints: MANAGES,
      async answer(input, rooms, { caller }) {
        await rooms.desk.fresh();
        const { library } = rooms;
        if (!library) throw new Failure("INVALID_SETTINGS", "this server keeps no workflows");
        return DOES[input.action](input, { ...rooms, library }, { caller, patterns });
      },
    },
    setting,
  );

interface By {
  readonly caller: string;
  readonly patterns: readonly Pattern[];
}

type Does = (input: Input, rooms: Rooms & { readonly library: Library }, by: By) => Promise<Reply>;

const DOES: Readonly<Record<Input["action"], Does>> = {
  async list({ cursor }, { library }) {
    const rows = library.list().map(({ name, version, source, refused, warnings }) => ({
      name,
      ...(version !== undefined && { version }),
      source,
      ...(warnings.length > 0 && { warnings: warnings.length }),
      ...(refused !== undefined && { refused: clip(refused, 200) }),
    }));
    const { shown, next } = rowPage(rows, cursor, ROOM);
    const lines = shown.map(({ name, version, source, refused }) =>
      joined(version === undefined ? name : `${name}@${version}`, source, refused && `cannot be used: ${refused}`),
    );
    const more = next === undefined ? undefined : { action: "list", cursor: next };
    return managed(TOOL, { action: "list", workflows: shown }, lines.length > 0 ? lines : ["there are none"], more);
  },
  async save(input, rooms, by) {
    const name = nameOf(input);
    const { path, notes } = rooms.library.save({
      name,
      text: await textToSave(input, name, rooms, by),
      replace: input.replace ?? false,
    });
    const version = rooms.library.list().find((card) => card.name === name)?.version;
    const retired = rooms.desk.retired("workflow", name);
    const workflow = { name, path, ...(version !== undefined && { version }), ...(notes.length > 0 && { notes }) };
    return managed(TOOL, { action: "save", workflow }, [
      joined(path, version && `${name}@${version}`),
      retired,
      ...notes,
    ]);
  },
  async retire(input, { library, store }, { caller }) {
    const name = nameOf(input);
    if (!library.has(name)) throw unknown(name, library);
    const changed = await store.versions.retire("workflow", name, caller, input.note);
    const line = changed
      ? `${name} is retired: no new run plays it, and its file stays.`
      : `${name} was retired before.`;
    return managed(TOOL, { action: "retire", workflow: { name, retired: true, changed } }, [line]);
  },
  async restore(input, { store }, { caller }) {
    const name = nameOf(input);
    const changed = await store.versions.restore("workflow", name, caller);
    const line = changed ? `${name} may be played again.` : `${name} was not retired.`;
    return managed(TOOL, { action: "restore", workflow: { name, retired: false, changed } }, [line]);
  },
};

function nameOf({ action, name }: Input): string {
  if (name === undefined || name === "") throw lacks(TOOL, action, "`name`", { name: "weekly-report" });
  return name;
}

function unknown(name: string, library: Library): Failure {
  const near = nearest(
    name,
    library.list().map((card) => card.name),
  );
  return new Failure("NOT_FOUND", `there is no workflow ${JSON.stringify(name)}`, {
    hint: near.length > 0 ? `Did you mean ${near.join(" or ")}?` : `${TOOL} {"action":"list"} shows all.`,
  });
}

/** The file whole: as it was given, or made of data or of a run. */
async function textToSave(
  { definition, run_id }: Input,
  name: string,
  { store }: Rooms,
  { caller, patterns }: By,
): Promise<string> {
  if (typeof definition === "string") return definition;
  if (definition) return writeYaml({ name, ...definition });
  if (run_id === undefined) throw lacks(TOOL, "save", "`definition` or `run_id`", { name, run_id: "r_…" });
  const run = await ownRun(store, run_id, caller);
  const pattern = patterns.find((each) => each.name === run.pattern);
  const catalogue = await store.catalogue(run.catalogue);
  if (!pattern || !catalogue) throw new Failure("NOT_FOUND", `this server does not know ${run.pattern}`);
  return writeYaml(savedWorkflow(run, catalogue, pattern, name));
}
