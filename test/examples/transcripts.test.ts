import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../sources.ts";
import { EXAMPLES } from "./stage.ts";
import { stepsIn, transcriptOf } from "./transcript.ts";

test.each(EXAMPLES)("the transcript of %s tells the steps that a run of it takes today", async (example) => {
  const written = readFileSync(join(ROOT, "examples", example, "transcript.md"), "utf8");
  expect(stepsIn(written).length).toBeGreaterThan(3);
  expect(stepsIn(await transcriptOf(example))).toEqual(stepsIn(written));
});
