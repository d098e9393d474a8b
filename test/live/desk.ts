import { join } from "node:path";
import { ROOT } from "../sources.ts";

/** A server that writes each call of its tools into a file, as the settings name it. */
export const desk = (file: string, ...args: readonly string[]) => ({
  command: process.execPath,
  args: [join(ROOT, "test", "live", "fixtures", "desk.child.ts"), file, ...args],
});
