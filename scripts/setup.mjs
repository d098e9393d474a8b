// Makes a clone ready to run: dependencies as the lock file says, and dist as src says. Prints to stderr only.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pinnedNode, root, toolEnv, tools } from "./node24.mjs";
import { alone } from "./setup-lock.mjs";

const stamp = join(root, "node_modules", ".baton-setup");
const dist = join(root, "dist");
const built = join(dist, ".built");

const lockHash = () =>
  createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");

function installIsStale() {
  return !existsSync(stamp) || readFileSync(stamp, "utf8") !== lockHash();
}

/** The newest change in a file or a folder; a folder's own time tells of files that went away. @param {string} path @returns {number} */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function buildIsStale() {
  if (!existsSync(built)) return true;
  const since = statSync(built).mtimeMs;
  return ["src", "tsconfig.json"].some((path) => newest(join(root, path)) > since);
}

/** npm must not run on the Node it is about to replace, so the clone's own bin folders leave the PATH. */
function npmEnv() {
  const env = toolEnv();
  const name = Object.keys(env).find((key) => key.toUpperCase() === "PATH") ?? "PATH";
  env[name] = (env[name] ?? "")
    .split(delimiter)
    .filter((part) => !part.includes("node_modules"))
    .join(delimiter);
  return env;
}

/** @param {string[]} args */
function npm(args) {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  const stdio = /** @type {const} */ (["ignore", 2, 2]);
  if (cli?.endsWith("npm-cli.js") && node && !node.includes("node_modules")) {
    return spawnSync(node, [cli, ...args], { cwd: root, env: npmEnv(), stdio: [...stdio] });
  }
  return spawnSync("npm", args, { cwd: root, env: npmEnv(), stdio: [...stdio], shell: process.platform === "win32" });
}

function install() {
  console.error("Installing dependencies (npm ci) ...");
  rmSync(stamp, { force: true });
  const hash = lockHash();
  const { status, error } = npm(["ci", "--include=dev", "--include=optional", "--loglevel=error"]);
  if (status !== 0) throw new Error(`npm ci failed: ${error?.message ?? `exit code ${status}`}`);
  writeFileSync(stamp, hash);
}

/**
 * Compiles src and bundles it with all it needs, lazy parts in files of their own: a server starts in half the time.
 * Both happen beside dist, which is then swapped, so that it is never half written.
 */
function build() {
  console.error("Building dist ...");
  const started = new Date();
  const fresh = join(root, `.dist-${process.pid}`);
  const compiled = `${fresh}-js`;
  try {
    run("tsc", [tools.tsc, "-p", join(root, "tsconfig.json"), "--outDir", compiled]);
    run("bundle", [join(root, "scripts", "bundle.mjs"), join(compiled, "cli.js"), fresh]);
    run("schema", [join(root, "scripts", "schema.mjs"), compiled, join(fresh, "workflow.schema.json")]);
    writeFileSync(join(fresh, ".built"), "");
    utimesSync(join(fresh, ".built"), started, started);
    rmSync(`${fresh}-old`, { recursive: true, force: true });
    if (existsSync(dist)) renameSync(dist, `${fresh}-old`);
    renameSync(fresh, dist);
  } finally {
    for (const left of [fresh, compiled, `${fresh}-old`]) rmSync(left, { recursive: true, force: true });
  }
}

/** @param {string} what @param {string[]} args */
function run(what, args) {
  const { status, error } = spawnSync(pinnedNode(), args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`${what} failed: ${error?.message ?? `exit code ${status}`}`);
}

/** Installs and builds what is missing or out of date; does nothing on a clone that is ready. */
async function setUp({ alsoBuild = true } = {}) {
  if (!installIsStale() && !(alsoBuild && buildIsStale())) return;
  await alone(() => {
    if (installIsStale()) install();
    if (alsoBuild && buildIsStale()) build();
  });
}

/**
 * Runs a piece of set-up; one that fails ends this process with a message instead of a stack.
 * @param {() => Promise<void>} work
 */
async function orLeave(work) {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}

/** setUp() for a script that cannot go on without it. @param {{ alsoBuild?: boolean }} options */
export const setUpOrLeave = (options = {}) => orLeave(() => setUp(options));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await orLeave(() => (process.argv[2] === "build" ? alone(build) : setUp()));
}
