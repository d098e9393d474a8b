#!/usr/bin/env node
// Every Node must be able to read this file, so that an old one can say what it lacks: all else is loaded after.
import module from "node:module";
import v8 from "node:v8";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major > 22 || (major === 22 && minor >= 19)) {
  module.enableCompileCache?.();
  // A server is often killed, and never comes to write the cache at its end.
  setTimeout(() => module.flushCompileCache?.(), 3000).unref();
  // What the nursery of the heap has grown to by the end of a start serves well later; a burst would leave it at 64 MB.
  setTimeout(() => v8.setFlagsFromString("--semi-space-growth-factor=1"), 150).unref();
  const { main } = await import("./cli/program.ts");
  await main(process.argv);
} else {
  process.stderr.write(
    `Baton needs Node 22.19 or newer, and this is ${process.versions.node}. Install a newer Node (https://nodejs.org), or in a clone run "npm start", which brings one.\n`,
  );
  process.exitCode = 2;
}
