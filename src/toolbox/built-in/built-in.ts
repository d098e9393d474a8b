import { z } from "zod";
import { Failure } from "../../core/errors.ts";
import { BUILT_IN_SERVER } from "../../core/toolbox.ts";
import type { Call, Listed, Said, ServerHealth, ToolSource } from "../source.ts";
import { fetchPage } from "./fetch.ts";
import { glob } from "./glob.ts";
import { grep } from "./grep.ts";
import { list } from "./list.ts";
import { read } from "./read.ts";
import type { BuiltInTool, Reach } from "./tool.ts";

const ALL: readonly BuiltInTool[] = [read, list, glob, grep, fetchPage];

const NEEDS: Readonly<Record<BuiltInTool["needs"], string>> = {
  folders: "the setting `folders` is empty; name what may be read: folders: [docs]",
  hosts: "the setting `hosts` is empty; name who may be asked: hosts: [docs.example.com]",
};

/** The tools that Baton has itself. They read inside the folders and from the hosts of the settings, and change nothing. */
export class BuiltIn implements ToolSource {
  readonly #reach: Reach;

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  async list(): Promise<Listed> {
    return {
      tools: ALL.filter((tool) => this.#has(tool)).map(({ name, description, input, seconds }) => {
        const { $schema: _, ...schema } = z.toJSONSchema(input, { io: "input" });
        return { tool: name, description, input: schema, effect: false, approve: false, seconds };
      }),
      left: ALL.filter((tool) => !this.#has(tool)).map(({ name, needs }) => ({ tool: name, why: NEEDS[needs] })),
    };
  }

  async call({ tool: name, arguments: args, signal }: Call): Promise<Said> {
    const tool = ALL.find((each) => each.name === name);
    if (!tool) return wrong(`There is no tool "${BUILT_IN_SERVER}/${name}"; there are ${names()}.`);
    if (!this.#has(tool)) return wrong(`"${BUILT_IN_SERVER}/${name}" cannot be used: ${NEEDS[tool.needs]}.`);
    const { success, error } = tool.input.safeParse(args);
    if (!success)
      return wrong(`These arguments do not fit the tool: ${z.prettifyError(error).replaceAll(/\s+/g, " ")}`);
    const late = AbortSignal.timeout(tool.seconds * 1000);
    try {
      return { text: await tool.run(args, this.#reach, AbortSignal.any([signal, late])), is_error: false };
    } catch (thrown) {
      return told(thrown, { tool, signal, late });
    }
  }

  health(): ServerHealth {
    const tools = ALL.filter((tool) => this.#has(tool)).length;
    return { server: BUILT_IN_SERVER, kind: "built in", state: "up", tools };
  }

  async close(): Promise<void> {}

  #has({ needs }: BuiltInTool): boolean {
    return this.#reach[needs].length > 0;
  }
}

const names = (): string => ALL.map(({ name }) => name).join(", ");

const wrong = (text: string): Said => ({ text, is_error: true });

/** What passes is tried again by others; all else is for the model to read. */
function told(thrown: unknown, at: { tool: BuiltInTool; signal: AbortSignal; late: AbortSignal }): Said {
  if (at.signal.aborted) throw at.signal.reason instanceof Failure ? at.signal.reason : cutOff(at.tool);
  if (at.late.aborted)
    throw new Failure("TIMEOUT", `"${BUILT_IN_SERVER}/${at.tool.name}" took more than ${at.tool.seconds} seconds`);
  const failure = Failure.from(thrown);
  if (failure.kind === "transient" || failure.kind === "catastrophic") throw failure;
  const { hint } = failure.options;
  return wrong(`${failure.message}${hint ? `. ${hint}` : ""}`);
}

const cutOff = ({ name }: BuiltInTool): Failure => new Failure("CANCELLED", `"${BUILT_IN_SERVER}/${name}" was cut off`);
