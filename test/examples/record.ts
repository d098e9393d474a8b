// Plays the five examples and writes their transcripts: node scripts/run.mjs test/examples/record.ts
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../sources.ts";
import { EXAMPLES } from "./stage.ts";
import { transcriptOf } from "./transcript.ts";

for (const example of EXAMPLES) {
  const file = join("examples", example, "transcript.md");
  writeFileSync(join(ROOT, file), await transcriptOf(example));
  console.log(file);
}
