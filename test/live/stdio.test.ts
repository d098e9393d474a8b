import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, it, vi } from "vitest";
import type { Asked, Reply } from "../stub/script.ts";
import { served } from "../toolbox/toolbox.ts";
import { agent, openStage } from "./stage.ts";

/** Servers are processes of their own, and start others. */
vi.setConfig({ testTimeout: 60_000 });

/** Reads the notes and writes them down elsewhere. */
const scribe =
  (desk: string) =>
  (asked: Asked): Reply => {
    const turn = asked.messages.filter(({ role }) => role === "assistant").length;
    const use = (name: string, given: object) => ({ uses: [{ name: `files_${name}`, arguments: given }] });
    if (turn === 0) return use("read_text_file", { path: `${desk}/notes.md` });
    return turn === 1 ? use("write_file", { path: `${desk}/out.md`, content: "Begin early." }) : { text: "Written." };
  };

it("with the client before it, over stdio: killed while a person is asked, it goes on in the next server", async () => {
  let desk = "";
  await using stage = await openStage({
    stdio: true,
    client: "the client before it",
    settings: (folder) => {
      desk = `${folder}/desk`;
      mkdirSync(desk);
      writeFileSync(`${desk}/notes.md`, "Begin early.");
      return { mcp_servers: { files: served.files(desk) } };
    },
    files: { "agents/ann.md": agent("ann", { model: "an/m", tools: ["files/*"] }) },
  });
  stage.vendor.follow(scribe(desk));
  const first = await stage.play("run_agent", { agent: "ann", task: "Copy the notes." });
  expect(first.data, first.text).toMatchObject({
    status: "waiting",
    waiting_for: { action: { name: "files/write_file" } },
  });
  await stage.restart("SIGKILL");
  const again = await stage.wait(first);
  expect(again.data.waiting_for?.page).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/d\//);
  const end = await stage.decide(again, { decision: "approve" });
  expect(end.data, end.text).toMatchObject({ status: "succeeded", output: "Written.", usage: { calls: 3 } });
  expect(readFileSync(`${desk}/out.md`, "utf8")).toBe("Begin early.");
  expect(stage.vendor.report().count).toBe(3);
});
