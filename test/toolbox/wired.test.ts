import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { z } from "zod";
import { definePattern } from "../../src/core/pattern.ts";
import type { ToolAnswer, ToolsGiven } from "../../src/core/toolbox.ts";
import { openHouse } from "../house.ts";
import { fixture, isAlive, served } from "./toolbox.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-wired-"));
writeFileSync(join(folder, "notes.md"), "Begin early.");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const uses = definePattern({
  name: "uses_tools",
  version: 1,
  title: "Uses tools",
  description: "Looks what is there and reads.",
  input: z.object({}),
  output: z.unknown(),
  subject: "tools",
  agents: () => [],
  async run(ctx) {
    const given = (await ctx.act("look", {
      does: "tools",
      input: { grants: ["files/*", "baton/read", "no/tool"] },
    })) as ToolsGiven;
    const read = async (name: string, server: string, tool: string, path: string) =>
      ((await ctx.act(name, { does: "tool", input: { server, tool, arguments: { path }, most: 1000 } })) as ToolAnswer)
        .text;
    const family = await read("family", "rude", "family", "");
    return {
      tools: given.tools.map(({ name }) => name),
      lacking: given.lacking.map(({ grant }) => grant),
      own: await read("own", "baton", "read", "notes.md"),
      served: await read("served", "files", "read_text_file", join(folder, "notes.md")),
      family: Number(family),
    };
  },
});

it("a run uses servers of the settings and built-in tools; when Baton is closed nothing of them is left", async () => {
  let pid = 0;
  {
    await using house = await openHouse({
      patterns: [uses],
      env: { PATH: process.env["PATH"] ?? "" },
      settings: {
        folders: [folder],
        mcp_servers: { files: served.files(folder), rude: fixture("rude") },
      },
    });
    const run = await house.play("uses_tools", {});
    expect(run.status, JSON.stringify(run.error)).toBe("succeeded");
    expect(run.output).toMatchObject({ own: "1\tBegin early.", served: "Begin early.", lacking: ["no/tool"] });
    const { tools, family } = run.output as { tools: string[]; family: number };
    expect(tools).toContain("baton_read");
    expect(tools).toContain("files_read_text_file");
    pid = family;
    expect(isAlive(pid)).toBe(true);
  }
  expect(isAlive(pid)).toBe(false);
});
