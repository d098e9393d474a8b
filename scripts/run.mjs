// Runs one file of the clone under the right Node, after the set-up: node scripts/run.mjs bench/index.ts --some-flag
import { spawnSync } from "node:child_process";
import { findNode, root, toolEnv } from "./node24.mjs";
import { setUpOrLeave } from "./setup.mjs";

const [file, ...rest] = process.argv.slice(2);
if (!file) throw new Error("Usage: node scripts/run.mjs FILE [arguments]");
await setUpOrLeave();
const { status } = spawnSync(findNode(), [file, ...rest], { cwd: root, env: toolEnv(), stdio: "inherit" });
process.exitCode = status ?? 1;
