import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fileDeed } from "../../src/deeds/file.ts";

const home = mkdtempSync(join(tmpdir(), "baton-file-"));
const allowed = join(home, "allowed");
const outside = join(home, "outside");
for (const folder of [allowed, outside, join(allowed, "inner")]) mkdirSync(folder);
writeFileSync(join(allowed, "notes.md"), "Begin early: ä.");
writeFileSync(join(allowed, "..notes.md"), "an odd name");
writeFileSync(join(outside, "secret.txt"), "nobody may read this");
writeFileSync(join(allowed, "picture.png"), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2]));
writeFileSync(join(allowed, "latin.txt"), Buffer.from([0xe4, 0xf6, 0xfc]));
writeFileSync(join(allowed, "large.txt"), "a".repeat(1001));
symlinkSync(join(outside, "secret.txt"), join(allowed, "innocent.txt"));
symlinkSync(outside, join(allowed, "inner", "away"));
symlinkSync(join(allowed, "notes.md"), join(allowed, "linked.md"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const scene = { run: "r_1", caller: "test", place: "notes", key: "k", signal: new AbortController().signal };
const read = (path: unknown, folders = [allowed]) => fileDeed({ folders, most: 1000 }).perform({ path }, scene);

describe("a file", () => {
  it.each([
    ["by its name", "notes.md"],
    ["with its folder", "allowed/notes.md"],
    ["by its whole path", join(allowed, "notes.md")],
    ["through a link that stays inside", "linked.md"],
  ])("inside the folders is read %s", async (_, path) => {
    expect(await read(path)).toBe("Begin early: ä.");
  });

  it("may begin with dots", async () => {
    expect(await read("..notes.md")).toBe("an odd name");
  });

  it.each([
    ["outside", () => join(outside, "secret.txt"), "FORBIDDEN"],
    ["on a way out with dots", () => "../outside/secret.txt", "FORBIDDEN"],
    ["behind a link that leads out", () => "innocent.txt", "FORBIDDEN"],
    ["in a linked folder that leads out", () => "inner/away/secret.txt", "FORBIDDEN"],
    ["that is not there, outside", () => "/nowhere/at-all.txt", "FORBIDDEN"],
    ["that is not there", () => "missing.md", "NOT_FOUND"],
    ["that is a folder", () => "inner", "BAD_REQUEST"],
    ["that is a picture", () => "picture.png", "BAD_REQUEST"],
    ["in another encoding", () => "latin.txt", "BAD_REQUEST"],
    ["that is too large", () => "large.txt", "TOO_LARGE"],
    ["with NUL in its name", () => "notes.md\0.txt", "NOT_FOUND"],
    ["that is no path", () => 7, "BAD_REQUEST"],
  ])("%s is refused", async (_, path, code) => {
    await expect(read(path())).rejects.toMatchObject({ code });
  });

  it("is never read where no folder is allowed", async () => {
    await expect(read(join(allowed, "notes.md"), [])).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});
