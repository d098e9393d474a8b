// npm run check: every check in order, the first failure stops. "check.mjs long" runs the long tests only,
// "check.mjs all" ends with the fast and then the long tests under one summary.
import { spawnSync } from "node:child_process";
import { clearKeys } from "./clear-keys.mjs";
import { pinnedNode, root, toolEnv, tools } from "./node24.mjs";
import { setUpOrLeave } from "./setup.mjs";

/** @type {[string, string[]][]} */
const still = [
  ["lint", [tools.biome, "ci", "--error-on-warnings", `--colors=${process.stdout.isTTY ? "force" : "off"}`]],
  ["types", [tools.tsc, "-p", "tsconfig.test.json"]],
  ["dead code", [tools.knip]],
  ["build", ["scripts/setup.mjs", "build"]],
];
const fast = [tools.vitest, "run", "--project", "fast"];
const long = [tools.vitest, "run", "--project", "long"];

/** @type {Record<string, [string, string[]][]>} */
const plans = {
  fast: [...still, ["tests", fast]],
  long: [["long tests", long]],
  all: [...still, ["tests", [tools.vitest, "run"]]],
};

/** Runs one step; a step says how it went and how long it took, but tests, whose own summary says both and comes last. @param {string} name @param {string[]} args */
function step(name, args) {
  const started = Date.now();
  const env = toolEnv(clearKeys({ ...process.env }));
  const { status, error } = spawnSync(pinnedNode(), args, { cwd: root, env, stdio: "inherit" });
  const took = `${((Date.now() - started) / 1000).toFixed(1)} s`;
  const summarised = args.includes(tools.vitest) && status !== null;
  if (!summarised)
    console.error(`${status === 0 ? "ok" : "FAILED"}: ${name} (${took})${error ? `: ${error.message}` : ""}`);
  return status ?? 1;
}

const plan = plans[process.argv[2] ?? "fast"];
if (!plan) throw new Error("Usage: node scripts/check.mjs [fast|long|all]");
await setUpOrLeave({ alsoBuild: false });
for (const [name, args] of plan) {
  process.exitCode = step(name, args);
  if (process.exitCode) break;
}
