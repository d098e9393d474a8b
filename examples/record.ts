// Plays the five examples and writes their transcripts: node scripts/run.mjs examples/record.ts
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXAMPLES } from "../test/examples/stage.ts";
import { transcriptOf } from "../test/examples/transcript.ts";
import { ROOT } from "../test/sources.ts";

for (const example of EXAMPLES) {
  const file = join("examples", example, "transcript.md");
  writeFileSync(join(ROOT, file), await transcriptOf(example));
  console.log(file);
}
