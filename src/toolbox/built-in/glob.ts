import { relative, sep } from "node:path";
import { z } from "zod";
import { globPattern } from "./glob-pattern.ts";
import { below, placesOf } from "./places.ts";
import { builtIn } from "./tool.ts";
import { filesBelow, type Walk } from "./walk.ts";

const MOST = 1000;

const Wish = z.strictObject({
  pattern: z.string().min(1).max(500).describe("Such as **/*.ts, src/*.{js,ts} or notes-?.md."),
  path: z.string().min(1).max(4096).optional().describe("The folder to begin at; without it, all allowed folders."),
});

/** Finds files by their names. */
export const glob = builtIn({
  name: "glob",
  description:
    "Finds files inside the allowed folders by a pattern of their paths. Links, .git and node_modules are left out.",
  input: Wish,
  seconds: 60,
  needs: "folders",
  async run({ pattern, path }, { folders }, signal) {
    const fits = globPattern(pattern);
    const walk: Walk = { cut: false };
    const found: string[] = [];
    for (const place of await placesOf(path, folders)) {
      for await (const file of filesBelow(place.real, walk, signal)) {
        if (!fits(relative(place.real, file).split(sep).join("/"))) continue;
        if (found.length >= MOST) return `${found.join("\n")}\n[there are more; ask for a narrower pattern]`;
        found.push(below(place, file));
      }
    }
    const rest = walk.cut ? "\n[there are too many files; not all were looked at]" : "";
    return (found.join("\n") || "[no file fits]") + rest;
  },
});
