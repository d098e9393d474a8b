import type { z } from "zod";
import type { JsonSchema } from "../core/provider.ts";
import { answering } from "./answering.ts";
import { checkArguments, cleanArguments } from "./arguments.ts";
import type { CallContext, Hints, Reply, Rooms, Setting, Tool } from "./tool.ts";
import { inputSchema, lazily } from "./wire.ts";

interface SimpleTool<I> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodType<I>;
  readonly outputSchema: () => JsonSchema;
  readonly hints: Hints;
  answer(input: I, rooms: Rooms, context: CallContext): Promise<Reply>;
}

/** A tool that is no pattern: it looks at runs and agents, or speaks to a run. */
export function simpleTool<I>(tool: SimpleTool<I>, setting: Setting): Tool {
  const { name, title, description, input, outputSchema, hints, answer } = tool;
  const schema = lazily(() => inputSchema(input));
  return {
    name,
    title,
    description,
    get inputSchema() {
      return schema();
    },
    get outputSchema() {
      return outputSchema();
    },
    hints,
    call: answering(name, setting.log, async (args, context) => {
      const given = checkArguments(name, input, cleanArguments(args, setting.limits.input_bytes));
      const rooms = await setting.open();
      return answer(given, rooms, context);
    }),
  };
}
