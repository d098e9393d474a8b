// Puts a compiled entry and all it imports into one folder: node scripts/bundle.mjs ENTRY FOLDER
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

const [entry = "", folder = ""] = process.argv.slice(2);
const bundle = await rolldown({ input: { cli: entry }, platform: "node", logLevel: "warn" });
await bundle.write({
  dir: folder,
  format: "esm",
  chunkFileNames: "[name]-[hash].js",
  minify: { compress: true, mangle: { keepNames: true } },
});
await bundle.close();
chmodSync(join(folder, "cli.js"), 0o755);
