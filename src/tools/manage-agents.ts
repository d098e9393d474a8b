import { z } from "zod";
import { follow, restore, retire, rollback, save, use } from "./agent-changes.ts";
import { compare, listAll, show, versions } from "./agent-looks.ts";
import { simpleTool } from "./simple-tool.ts";
import { MANAGES, type Reply, type Rooms, type Setting, type Tool } from "./tool.ts";
import { lazily, outputSchema } from "./wire.ts";

const Input = z.strictObject({
  action: z.enum(["list", "show", "versions", "compare", "use", "rollback", "follow", "save", "retire", "restore"]),
  name: z.string().max(200).optional().describe("an agent; name@version for show, compare, use"),
  with: z.string().max(100).optional().describe("for compare: the other version (default: the active one)"),
  text: z.string().max(262_144).optional().describe("for save: the file whole, front matter first"),
  replace: z.boolean().optional().describe("for save: write over a file that is there"),
  note: z.string().max(500).optional().describe("for retire: why"),
  cursor: z.string().max(20).optional(),
});
type Input = z.output<typeof Input>;

const Rows = z.array(z.record(z.string(), z.unknown()));

const Output = z.object({
  action: z.string().optional(),
  agents: Rows.optional(),
  agent: z.record(z.string(), z.unknown()).optional(),
  versions: Rows.optional(),
  choices: Rows.optional(),
  text: z.string().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  next: z.object({ tool: z.string(), arguments: z.record(z.string(), z.unknown()) }).optional(),
});
const OUTPUT_SCHEMA = lazily(() => outputSchema(Output));

type Does = (input: Input, rooms: Rooms, by: string) => Promise<Reply>;

const DOES: Readonly<Record<Input["action"], Does>> = {
  ...{ list: listAll, show, versions, compare },
  ...{ use, rollback, follow, save, retire, restore },
};

/** Agents as somebody who owns them sees them: their versions, how each has done, which one is active. */
export const manageAgents = (setting: Setting): Tool =>
  simpleTool(
    {
      name: "manage_agents",
      title: "Manage agents",
      description:
        "Versions of agents: list, show, versions, compare two (texts, cost, ratings, gates), use one for new runs, rollback, " +
        "follow its file again, save a file, retire, restore. Runs in flight keep theirs. Not to choose whom to ask (list_agents).",
      input: Input,
      outputSchema: OUTPUT_SCHEMA,
      hints: MANAGES,
      async answer(input, rooms, { caller }) {
        await rooms.desk.fresh();
        return DOES[input.action](input, rooms, caller);
      },
    },
    setting,
  );
