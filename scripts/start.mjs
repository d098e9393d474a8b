// npm start: sets the clone up, then serves over HTTP until it is told to stop.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { findNode, root } from "./node24.mjs";
import { setUpOrLeave } from "./setup.mjs";

const { ppid } = process;
await setUpOrLeave();
const args = [join(root, "dist", "cli.js"), "serve", "--http", ...process.argv.slice(2)];
const { BATON_HOME } = process.env;
const env = { ...process.env, BATON_HOME: BATON_HOME || join(root, ".baton") };
const child = spawn(findNode(), args, { env, stdio: "inherit" });

// A terminal gives Ctrl-C to the child by itself, and a second one would mean "at once".
process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
process.on("SIGTERM", () => child.kill("SIGTERM"));

// npm signals its shell only, and the shell dies without a word: when it is gone, npm start was told to stop.
const { npm_lifecycle_event: underNpm } = process.env;
if (underNpm) setInterval(() => process.ppid === ppid || child.kill("SIGTERM"), 500).unref();

child.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
child.on("exit", (code, signal) => {
  process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
});
