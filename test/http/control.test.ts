import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Run } from "../../src/core/store.ts";
import type { Listening } from "../../src/http/listen.ts";
import { eventually } from "../house.ts";
import { rooms } from "../tools/rooms.ts";
import { Browser } from "./forms.ts";
import { serving } from "./serving.ts";

const house = rooms();
const KEY = "key-of-ada-1234";
let open: Listening;
let guarded: Listening;
let looking: Listening;

beforeAll(async () => {
  const tokens = new Map([
    ["ann-token-1234", "ann"],
    ["bob-token-1234", "bob"],
  ]);
  open = await serving(house);
  guarded = await serving(house, tokens, {}, new Map([[KEY, "ada"]]));
  looking = await serving(house, undefined, { readOnly: true });
});
afterAll(async () => {
  await Promise.all([open, guarded, looking].map((each) => each.close()));
  await house.close();
});

/** A run that stops for an event that never comes. */
async function begun(caller = "local"): Promise<string> {
  const nodes = { pay: { wait: { event: { type: "never.comes" } } } };
  const { data } = await house.call("run_workflow", { definition: { nodes }, wait_seconds: 0 }, { caller });
  const id = String(data.run_id);
  await eventually(async () => (await found(id))?.status === "waiting");
  return id;
}

const found = async (id: string): Promise<Run | undefined> => (await house.baton.open()).store.get(id);
const page = (id: string, { url }: Listening = open) => `${url}/runs/${id}`;
const bearer = (token: string) => new Browser({ authorization: `Bearer ${token}` });

async function press(browser: Browser, url: string, action: string, more: Record<string, string> = {}) {
  const { body } = await browser.open(url);
  return browser.send(url, body, { action, ...more });
}

describe("the buttons of a run", () => {
  it("pause it, let it go on and cancel it; who did it is recorded, and told to whoever looks", async () => {
    const id = await begun();
    const browser = new Browser();
    expect((await press(browser, page(id), "pause")).status).toBe(303);
    expect(await found(id)).toMatchObject({ paused: true, control: { action: "pause", by: "local (page)" } });
    const { data } = await house.call("get_run", { run_id: id });
    expect(data.waiting_for).toMatchObject({ kind: "resume", note: "paused by local (page)" });
    const { body } = await browser.open(page(id));
    expect(body).toMatch(/paused by<\/dt><dd>local \(page\)/);
    expect(body).toContain(">Resume<");
    await press(browser, page(id), "resume");
    expect(await found(id)).toMatchObject({ paused: false, control: { action: "resume" } });
    expect((await press(browser, page(id), "cancel")).status).toBe(303);
    expect(await found(id)).toMatchObject({ status: "cancelled", control: { action: "cancel", by: "local (page)" } });
    expect((await browser.open(page(id))).body).not.toContain("<form");
  });

  it("are those of the run's caller and of approvers; to others there is no such run", async () => {
    const id = await begun("ann");
    const { body } = await bearer("ann-token-1234").open(page(id, guarded));
    const sent = await bearer("bob-token-1234").send(page(id, guarded), body, { action: "cancel" });
    expect(sent.status).toBe(404);
    expect((await press(bearer(KEY), page(id, guarded), "pause")).status).toBe(303);
    expect(await found(id)).toMatchObject({ paused: true, control: { by: "ada (approver)" } });
    expect((await press(bearer("ann-token-1234"), page(id, guarded), "cancel")).status).toBe(303);
    expect(await found(id)).toMatchObject({ status: "cancelled", control: { by: "ann (page)" } });
  });

  it.each([
    ["from another server", {}, { origin: "http://localhost:1" }],
    ["without what our page has put into it", { csrf: "" }, {}],
    ["with a guess at it", { csrf: "A".repeat(43) }, {}],
  ])("do nothing in a form that is none of ours: %s", async (_, fields, headers) => {
    const id = await begun();
    const browser = new Browser();
    const { body } = await browser.open(page(id));
    const sent = await browser.send(page(id), body, { action: "cancel", ...fields }, headers);
    expect(sent.status).toBe(403);
    expect(await found(id)).toMatchObject({ status: "waiting", paused: false });
  });

  it("say what they are: anything else is refused, and what was made for another run", async () => {
    const [id, other] = [await begun(), await begun()];
    const browser = new Browser();
    expect((await press(browser, page(id), "drop")).status).toBe(400);
    const [, csrf = ""] = /name="csrf" value="([^"]*)"/.exec((await browser.open(page(other))).body) ?? [];
    expect((await press(browser, page(id), "cancel", { csrf })).status).toBe(403);
    expect(await found(id)).toMatchObject({ status: "waiting" });
  });

  it("are not there where a server only looks", async () => {
    const id = await begun();
    for (const url of [page(id, looking), `${looking.url}/`])
      expect((await new Browser().open(url)).body).not.toContain("<form");
    const { body } = await new Browser().open(page(id));
    expect((await new Browser().send(page(id, looking), body, { action: "cancel" })).status).toBe(404);
  });
});

describe("the buttons over all runs", () => {
  it("pause and resume what their reader sees: a caller's own, and to an approver everybody's", async () => {
    const [anns, bobs] = [await begun("ann"), await begun("bob")];
    const paused = async () => [(await found(anns))?.paused, (await found(bobs))?.paused];
    const home = `${guarded.url}/`;
    expect((await press(bearer("ann-token-1234"), home, "pause")).status).toBe(303);
    expect(await paused()).toEqual([true, false]);
    await press(bearer(KEY), home, "pause");
    expect(await paused()).toEqual([true, true]);
    expect((await found(anns))?.control).toMatchObject({ by: "ann (page)" });
    expect((await found(bobs))?.control).toMatchObject({ by: "ada (approver)" });
    expect((await press(bearer("ann-token-1234"), home, "cancel")).status).toBe(400);
    await press(bearer(KEY), home, "resume");
    expect(await paused()).toEqual([false, false]);
  });
});
