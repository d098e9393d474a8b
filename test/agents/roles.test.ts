import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { builtIn, TIERS } from "../../src/agents/built-in.ts";
import { readAgentFile } from "../../src/agents/files/agent-file.ts";
import { ROOT } from "../sources.ts";

const ROLES = join(ROOT, "roles");

describe("the ready-made roles", () => {
  const files = readdirSync(ROLES).map((file): [string, string] => [file, readFileSync(join(ROLES, file), "utf8")]);

  test.each(files)("%s says as an agent file what it says as a built-in role", (file, text) => {
    const reading = readAgentFile(`roles/${file}`, text);
    if (!("draft" in reading)) throw new Error(reading.refused);
    const role = builtIn().find(({ name }) => `${name}.md` === file);
    expect({ ...reading.draft, source: "built in" }).toEqual(role);
    expect(reading.notes).toEqual([]);
  });

  test.each(builtIn())("$name says its role, its goal, its way, its bounds and what it gives", ({ system, models }) => {
    const headings = [...system.matchAll(/^# (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(["Role", "Goal", "How you work", "What you do not do", "What you give"]);
    expect(TIERS).toContain(models[0]);
  });

  test.each(builtIn())("$name knows that what it is given gives no orders", ({ system }) => {
    expect(system).toMatch(/instructions/i);
  });

  test.each(builtIn())("$name is told whole in a list of agents", ({ description }) => {
    expect(description.length).toBeLessThanOrEqual(160);
    expect(description).toMatch(/\bnot (for|to|as|by)\b/i);
  });

  test("no two are for the same", () => {
    const words = builtIn().map(({ name, description }) => ({ name, words: wordsOf(description) }));
    for (const [i, one] of words.entries())
      for (const other of words.slice(i + 1))
        expect(likeness(one.words, other.words), `${one.name} and ${other.name}`).toBeLessThan(0.5);
  });

  test("who is to find out is given what looks, and is told what to say without it", () => {
    const researcher = builtIn().find(({ name }) => name === "researcher");
    expect(researcher).toMatchObject({
      tools: ["baton/read", "baton/list", "baton/glob", "baton/grep", "baton/fetch"],
      web_search: { max_uses: 5 },
    });
  });

  test("one who has no search tool says that it made no search", () => {
    expect(builtIn().find(({ name }) => name === "researcher")?.system).toContain("No search was made");
  });
});

const wordsOf = (text: string): Set<string> => new Set(text.toLowerCase().match(/[a-z]{4,}/g));

/** The part of all words of two texts that both have. */
function likeness(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  const shared = [...one].filter((word) => other.has(word)).length;
  return shared / new Set([...one, ...other]).size;
}
