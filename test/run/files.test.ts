import { describe, expect, test } from "vitest";
import { attachmentMark, attachmentOf } from "../../src/core/material.ts";
import { openHouse } from "../house.ts";

const PNG = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), Buffer.alloc(300, 7)]);
const { file, body } = attachmentOf("plan.png", "image/png", PNG);
const given = { material: { files: [file] }, bodies: new Map([[file.text, body]]) };
const input = (agents: readonly string[]) => ({ task: `Look.\n\n${attachmentMark(file)}`, agents });

describe("a picture of a run, over HTTP", () => {
  test("reaches each branch that has the task, as each vendor's own part, and is billed no more than was held", async () => {
    const media = { media: true };
    await using house = await openHouse({ settings: { providers: { oa: media, an: media } } });
    const run = await house.play("fan_out", input(["oa/m", "an/m"]), given);
    expect(run.status).toBe("succeeded");
    const bodies = house.vendor.requests.map(({ dialect, body: sent }) => [dialect, JSON.stringify(sent)] as const);
    const asked = Object.fromEntries(bodies);
    const data = PNG.toString("base64");
    expect(asked["openai"]).toContain(`"type":"image_url","image_url":{"url":"data:image/png;base64,${data}"`);
    expect(asked["anthropic"]).toContain(`"type":"base64","media_type":"image/png","data":"${data}"`);
    for (const [, sent] of bodies) expect(sent).toContain(file.sha256);
  });

  test("goes to no vendor that takes none, and the failure names one that does", async () => {
    await using house = await openHouse({ settings: { providers: { an: { media: true } } } });
    const refused = await house.play("run_agent", { task: attachmentMark(file), agent: "oa/m" }, given);
    expect(refused).toMatchObject({ status: "failed", error: { code: "BAD_REQUEST", kind: "permanent" } });
    expect(refused.error?.hint).toContain("media: true");
    expect(house.vendor.requests).toHaveLength(0);
  });
});
