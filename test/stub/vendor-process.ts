import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startVendor, type VendorOptions } from "./vendor.ts";

// The fake vendor as a process of its own. Says where it is as one line of JSON, and ends when its stdin does.
// Options are the vendor's own, as JSON: --options '{"script":[…]}' or --file options.json
const { values } = parseArgs({
  options: {
    port: { type: "string" },
    options: { type: "string" },
    file: { type: "string" },
    stay: { type: "boolean" },
  },
});
const given = values.file === undefined ? (values.options ?? "{}") : readFileSync(values.file, "utf8");
const options = JSON.parse(given) as VendorOptions;
const vendor = await startVendor({ ...options, ...(values.port !== undefined && { port: Number(values.port) }) });
process.stdout.write(`${JSON.stringify({ port: vendor.port, origin: vendor.origin, v1: vendor.v1 })}\n`);
if (!values.stay) {
  process.stdin.resume();
  process.stdin.once("end", () => process.exit(0));
}
