// npm test: sets the clone up and runs every check; with CI set, the long tests too.
// With arguments (npm test -- test/core) they go to vitest, and nothing else is checked.
import { spawnSync } from "node:child_process";
import { clearKeys } from "./clear-keys.mjs";
import { pinnedNode, root, toolEnv, tools } from "./node24.mjs";
import { setUpOrLeave } from "./setup.mjs";

const { CI } = process.env;
const asked = process.argv.slice(2);
await setUpOrLeave({ alsoBuild: asked.length > 0 });
const args = asked.length > 0 ? [tools.vitest, "run", ...asked] : ["scripts/check.mjs", CI ? "all" : "fast"];
const env = toolEnv(clearKeys({ ...process.env }));
const { status } = spawnSync(pinnedNode(), args, { cwd: root, env, stdio: "inherit" });
process.exitCode = status ?? 1;
