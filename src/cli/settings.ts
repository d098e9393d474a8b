import type { z } from "zod";
import { type Config, readConfig } from "../config.ts";
import type { Settings } from "../core/settings.ts";

/** What stands before every command. */
export interface CommonOptions {
  readonly home?: string;
  readonly config?: string;
}

/** The settings as file, environment and command line make them. */
export function settingsOf({ home, config }: CommonOptions, more: z.input<typeof Settings> = {}): Config {
  const env = config === undefined ? process.env : { ...process.env, BATON_CONFIG: config };
  return readConfig({ cwd: process.cwd(), env, overrides: { ...more, ...(home !== undefined && { home }) } });
}
