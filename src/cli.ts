#!/usr/bin/env node
// Every Node must be able to read this file, so that an old one can say what it lacks: all else is loaded after.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major > 22 || (major === 22 && minor >= 19)) {
  const { main } = await import("./cli/program.ts");
  await main(process.argv);
} else {
  process.stderr.write(
    `Baton needs Node 22.19 or newer, and this is ${process.versions.node}. Install a newer Node (https://nodejs.org), or in a clone run "npm start", which brings one.\n`,
  );
  process.exitCode = 2;
}
