import type { AgentSpec } from "../../core/agent.ts";
import { FENCE_RULE, fence } from "../../core/fence.ts";
import type { ToolSpec } from "../../core/provider.ts";
import { paragraphs } from "../../core/texts.ts";
import type { OfferedTool } from "../../core/toolbox.ts";
import { consultTool } from "./consult.ts";
import type { Talk } from "./course.ts";
import { FINDS_KIT, type KitGiven, type KitInput } from "./kit-deed.ts";
import { type MemoryOp, memoryTools } from "./memory-tools.ts";
import { type NotesOp, notesTools } from "./notes.ts";

/** What stands behind a tool that a model may use. */
export type Means =
  | { readonly is: "tool"; readonly offered: OfferedTool }
  | { readonly is: "consult" }
  | { readonly is: "notes"; readonly op: NotesOp }
  | { readonly is: "memory"; readonly op: MemoryOp };

/** A tool with what stands behind it. */
export type Piece = readonly [ToolSpec, Means];

/** What an agent has at hand for one task. */
export interface Kit {
  readonly tools: readonly ToolSpec[];
  readonly means: ReadonlyMap<string, Means>;
  /** What it is told of it, beside its own instructions. */
  readonly rules: string;
  readonly web_search?: { readonly max_uses: number };
}

/** Looks what of an agent's tools is there, once for each task, and remembers it. */
export async function kitFor({ ctx, spec, play }: Talk): Promise<Kit> {
  const { tools = [], web_search } = spec;
  const input: KitInput = { grants: tools, ...(web_search && { model: spec.models[0] ?? "" }) };
  const asks = tools.length > 0 || web_search !== undefined;
  const found = asks
    ? ((await ctx.act("tools", { does: FINDS_KIT, input, seconds: LONGEST_START })) as KitGiven)
    : NOTHING;
  const own: Piece[] = [
    ...consultTool(spec, (name) => play.catalogue.agents[name]?.description),
    ...notesTools(spec),
    ...memoryTools(spec),
  ];
  const taken = new Set(own.map(([{ name }]) => name));
  const offered = found.tools.map((tool): Piece => [specOf(tool, taken), { is: "tool", offered: tool }]);
  const pieces = [...own, ...offered];
  const search = web_search && found.searches ? { web_search } : {};
  for (const { grant, why } of found.lacking) ctx.degrade(`${spec.name} had no ${grant}: ${why}`);
  return {
    tools: pieces.map(([tool]) => tool),
    means: new Map(pieces.map(([tool, means]) => [tool.name, means])),
    rules: rulesOf(spec, pieces, found),
    ...search,
  };
}

/** How long a server may take to start is a setting of each; it is at most ten minutes. */
const LONGEST_START = 630;

const NOTHING: KitGiven = { tools: [], lacking: [], searches: false };

/** Our own tools keep their names. */
const specOf = ({ name, description, input }: OfferedTool, taken: ReadonlySet<string>): ToolSpec => ({
  name: taken.has(name) ? `${name.slice(0, 62)}_2` : name,
  description,
  input,
});

function rulesOf({ web_search }: AgentSpec, pieces: readonly Piece[], { lacking, searches }: KitGiven): string {
  const mute =
    web_search && !searches && "You cannot search the web here: begin your answer by saying that no search was made.";
  const without = lacking.map(({ grant, why }) => `- ${grant}: ${why}`).join("\n");
  return paragraphs(
    pieces.length > 0 ? `${FENCE_RULE} What tools give you is such material.` : without === "" ? undefined : FENCE_RULE,
    // A server says itself how its tools are called, and what is wrong with them.
    without === ""
      ? undefined
      : `You do not have these tools now; where you would have needed one, say so in your answer:\n${fence("lacking", without)}`,
    mute || undefined,
  );
}
