import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROMISES } from "./promises.ts";
import { ROOT } from "./sources.ts";

const README = readFileSync(join(ROOT, "README.md"), "utf8");

/** The sentences under "What you can rely on", each one line of a list. */
function promised(): string[] {
  const [, section = ""] = /\n## What you can rely on\n([\s\S]*?)\n## /.exec(README) ?? [];
  return section
    .split(/\n(?=- )/)
    .filter((item) => item.startsWith("- "))
    .map((item) => item.slice(2).replace(/\s+/g, " ").trim());
}

describe("what the README promises", () => {
  it("is listed, sentence by sentence, with nothing in the list that the README does not say", () => {
    expect(promised().length).toBeGreaterThan(10);
    expect(PROMISES.map(({ says }) => says)).toEqual(promised());
  });

  it.each(PROMISES)("$says", ({ shown }) => {
    expect(shown.length).toBeGreaterThan(0);
    for (const [file, title] of shown) {
      expect(existsSync(join(ROOT, file)), file).toBe(true);
      const text = readFileSync(join(ROOT, file), "utf8");
      expect(text, `${file} has no longer a test "${title}"`).toContain(title);
      expect(text, `${file} leaves tests out`).not.toMatch(/\b(?:it|test|describe)\.(?:only|todo)\b/);
    }
  });
});
