import { Failure } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { CallContext, Reply, Tool } from "./tool.ts";
import { refused } from "./watch.ts";

type Answer = (args: unknown, context: CallContext) => Promise<Reply>;

/** Turns whatever goes wrong in a tool into an answer that its caller can act on; our own bugs are logged whole. */
export const answering =
  (tool: string, log: Log, answer: Answer): Tool["call"] =>
  async (args, context) => {
    try {
      return await answer(args, context);
    } catch (error) {
      const failure = Failure.from(error);
      if (failure.code === "BUG") log.error({ tool, caller: context.caller, err: error }, "a tool broke");
      else log.info({ tool, caller: context.caller, code: failure.code }, "call refused");
      return refused(failure);
    }
  };
