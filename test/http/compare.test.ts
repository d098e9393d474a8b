import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Listening } from "../../src/http/listen.ts";
import { rooms } from "../tools/rooms.ts";
import { serving } from "./serving.ts";

const house = rooms();
let open: Listening;
let guarded: Listening;

beforeAll(async () => {
  open = await serving(house);
  guarded = await serving(house, new Map([["ann-token-1234", "ann"]]));
});
afterAll(async () => {
  await Promise.all([open.close(), guarded.close()]);
  await house.close();
});

const page = async (url: string, headers = {}): Promise<{ status: number; body: string }> => {
  const response = await fetch(url, { headers });
  return { status: response.status, body: await response.text() };
};

describe("the page of a comparison", () => {
  const steps = [
    { agent: "researcher", name: "dig" },
    { agent: "critic", name: "judge" },
  ];

  it("sets a fork beside its source, is linked from its page, and escapes what was said", async () => {
    const { data: source } = await house.call("run_pipeline", { task: "Explain <b>batons</b>.", steps });
    const changes = { steps: { judge: { prompt: "Judge the <i>weather</i> instead." } } };
    const { data } = await house.call("replay_run", { run_id: source.run_id, changes });
    const run = await page(`${open.url}/runs/${data.run_id}`);
    expect(run.body).toContain(`href="/runs/${data.run_id}/compare"`);
    const { status, body } = await page(`${open.url}/runs/${data.run_id}/compare`);
    expect(status).toBe(200);
    expect(body).toContain(`href="/runs/${source.run_id}"`);
    expect(body).toContain("1 reused, 1 asked");
    expect(body).toMatch(/<td class="mono">judge<\/td>\s*<td>answer/);
    expect(body).not.toContain('<td class="mono">dig</td>');
    expect(body).toContain("&lt;i&gt;weather&lt;/i&gt;");
    expect(body).not.toContain("<i>weather");
  });

  it("is there for forks alone, and for nobody but who called for them", async () => {
    const { data: source } = await house.call("run_pipeline", { task: "Explain batons.", steps });
    const { data } = await house.call("replay_run", { run_id: source.run_id });
    expect((await page(`${open.url}/runs/${source.run_id}/compare`)).status).toBe(404);
    expect((await page(`${open.url}/runs/r_none/compare`)).status).toBe(404);
    const authorization = "Bearer ann-token-1234";
    expect((await page(`${guarded.url}/runs/${data.run_id}/compare`, { authorization })).status).toBe(404);
  });
});
