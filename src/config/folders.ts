import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Environment } from "./environment.ts";

/** Where a path that somebody wrote leads: `~` is the user's home, a relative one begins at `from`. */
export const pathFrom = (from: string, path: string, env: Environment): string =>
  resolve(
    from,
    path.replace(/^~(?=$|[/\\])/, () => userHome(env)),
  );

/** Where runs are kept when nothing is said: beside the settings file, else in the user's data folder. */
export function defaultHome(file: string | undefined, env: Environment, platform: NodeJS.Platform): string {
  return file === undefined ? join(dataFolder(env, platform), "baton") : join(dirname(file), ".baton");
}

function dataFolder(env: Environment, platform: NodeJS.Platform): string {
  const home = userHome(env);
  if (platform === "darwin") return join(home, "Library", "Application Support");
  if (platform === "win32") return env["LOCALAPPDATA"] || join(home, "AppData", "Local");
  const xdg = env["XDG_DATA_HOME"];
  return xdg && isAbsolute(xdg) ? xdg : join(home, ".local", "share");
}

const userHome = (env: Environment): string => env["HOME"] || env["USERPROFILE"] || homedir();
