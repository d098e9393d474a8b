// npm start: sets the clone up, then serves over HTTP until it is told to stop.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { findNode, root } from "./node24.mjs";
import { setUpOrLeave } from "./setup.mjs";

await setUpOrLeave();
const args = [join(root, "dist", "cli.js"), "serve", "--http", ...process.argv.slice(2)];
const { BATON_HOME } = process.env;
const env = { ...process.env, BATON_HOME: BATON_HOME || join(root, ".baton") };
const child = spawn(findNode(), args, { env, stdio: "inherit" });

// A terminal gives Ctrl-C to the child by itself, and a second one would mean "at once".
process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
process.on("SIGTERM", () => child.kill("SIGTERM"));

child.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
child.on("exit", (code, signal) => {
  process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
});
