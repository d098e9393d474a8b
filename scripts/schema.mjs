// Writes the JSON Schema of workflows for editors: node scripts/schema.mjs COMPILED FILE
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [compiled = "", file = ""] = process.argv.slice(2);
const { workflowSchema } = await import(pathToFileURL(join(compiled, "workflows", "schema.js")).href);
writeFileSync(file, `${JSON.stringify(workflowSchema(), null, 2)}\n`);
