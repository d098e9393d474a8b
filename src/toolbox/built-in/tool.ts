import type { z } from "zod";
import type { HostRule } from "../../core/settings.ts";
import type { Fetch } from "../address.ts";

/** What built-in tools may reach. */
export interface Reach {
  /** Absolute. */
  readonly folders: readonly string[];
  readonly hosts: readonly HostRule[];
  readonly fetch: Fetch;
}

/** A tool that Baton has itself. It only reads; what it may not do it tells by a Failure. */
export interface BuiltInTool<I = unknown> {
  readonly name: string;
  readonly description: string;
  readonly input: z.ZodType<I>;
  readonly seconds: number;
  /** What it needs of the settings. */
  readonly needs: "folders" | "hosts";
  run(input: I, reach: Reach, signal: AbortSignal): Promise<string>;
}

/** Forgets the type of the input, which has been checked when it runs. */
export const builtIn = <I>(tool: BuiltInTool<I>): BuiltInTool => ({
  ...tool,
  run: (input, reach, signal) => tool.run(tool.input.parse(input), reach, signal),
});
