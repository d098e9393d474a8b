import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Listening } from "../../src/http/listen.ts";
import { rooms } from "../tools/rooms.ts";
import { Browser, formOf } from "./forms.ts";
import { serving } from "./serving.ts";

const house = rooms();
const KEY = "key-of-ada-1234";
const BOBS = "key-of-bob-5678";
const APPROVERS = new Map([
  [KEY, "ada"],
  [BOBS, "bob"],
]);
let open: Listening;
let withApprovers: Listening;
let guarded: Listening;

beforeAll(async () => {
  open = await serving(house);
  withApprovers = await serving(house, undefined, {}, APPROVERS);
  guarded = await serving(house, new Map([["ann-token-1234", "ann"]]), {}, APPROVERS);
});

afterAll(async () => {
  await Promise.all([open, withApprovers, guarded].map((each) => each.close()));
  await house.close();
});

const EVIL = `<script>alert("x")</script> & 'quotes' "here"`;
const pay = (more: object = {}) => ({
  ok: {
    wait: { approval: "Pay Ada?", action: { name: "pay", arguments: { sum: 5 } } },
    output_schema: { type: "object", properties: { sum: { type: "number" } }, required: ["sum"] },
    ...more,
  },
});

async function waiting(nodes: object = pay(), caller = "local"): Promise<string> {
  const { data } = await house.call("run_workflow", { definition: { nodes } }, { caller });
  expect(data.status).toBe("waiting");
  return String(data.run_id);
}

async function ended(id: string) {
  const { engine } = await house.baton.open();
  return engine.wait(id, 15_000);
}

async function waitOf(id: string) {
  const { store } = await house.baton.open();
  return (await store.memory(id)).waits[0];
}

const page = (id: string, { url }: Listening = open) => `${url}/runs/${id}`;

describe("the page of a run that waits", () => {
  it("shows exactly what is to be decided, as text, with its hash; and so does the list of runs", async () => {
    const action = { name: EVIL, arguments: { to: EVIL, hidden: "a\u202eb" } };
    const id = await waiting({ ok: { wait: { approval: EVIL, action } } });
    const { approval = "" } = (await waitOf(id)) ?? {};
    for (const url of [page(id), `${open.url}/`]) {
      const { body, response } = await new Browser().open(url);
      expect(body).toContain(approval);
      expect(body).not.toContain("<script>");
      expect(body).toContain("&lt;script&gt;alert(");
      expect(body).toContain("a\\u202eb");
      expect(body).not.toContain('http-equiv="refresh"');
      expect(response.headers.get("content-security-policy")).toContain("form-action 'self'");
    }
    await house.call("control_run", { run_id: id, action: "cancel" });
  });

  it("approves, and goes back to the run", async () => {
    const id = await waiting();
    const browser = new Browser();
    const { body } = await browser.open(page(id));
    expect(await browser.send(page(id), body, { decision: "approve", note: "fine" })).toMatchObject({ status: 303 });
    expect(await ended(id)).toMatchObject({ status: "succeeded", output: { sum: 5 } });
    expect(await waitOf(id)).toMatchObject({ decided_by: "local (page)", answer: { note: "fine" } });
    expect((await browser.open(page(id))).body).not.toContain("<form");
  });

  it("rejects, answers and edits; what does not fit is told, and changes nothing", async () => {
    const browser = new Browser();
    const send = async (id: string, fields: Record<string, string>) =>
      browser.send(page(id), (await browser.open(page(id))).body, fields);
    const [no, answer, edit] = [
      await waiting(),
      await waiting({ q: { wait: { answer: "Colour?" } } }),
      await waiting(),
    ];
    await send(no, { decision: "reject", note: "too dear", value: "left over" });
    expect(await ended(no)).toMatchObject({
      status: "failed",
      error: { message: expect.stringContaining("too dear") },
    });
    await send(answer, { decision: "answer", value: "blue\r\nor green" });
    expect(await ended(answer)).toMatchObject({ output: "blue\nor green" });
    for (const [value, why] of [
      ["{", "no JSON"],
      ['{"sum":"four"}', "/sum must be number"],
    ] as const) {
      const refused = await send(edit, { decision: "edit", value });
      expect(refused).toMatchObject({ status: 400, body: expect.stringContaining(why) });
      expect(await waitOf(edit)).toMatchObject({ state: "open" });
    }
    await send(edit, { decision: "edit", value: '{"sum": 4}' });
    expect(await ended(edit)).toMatchObject({ output: { sum: 4 } });
  });

  it("raises a budget that has run out, also above what one run may ask for", async () => {
    const steps = [{ agent: "writer" }, { agent: "critic" }];
    const args = { task: "t", steps, budget: { calls: 1 }, on_budget: "ask" };
    const { data } = await house.call("run_pipeline", args);
    const id = String(data.run_id);
    expect(data).toMatchObject({ status: "waiting", waiting_for: { kind: "budget" } });
    const browser = new Browser();
    const { body } = await browser.open(page(id));
    expect(body).toContain("New cap in calls");
    expect(await browser.send(page(id), body, { decision: "raise_budget", value: "9" })).toMatchObject({ status: 303 });
    expect(await ended(id)).toMatchObject({ status: "succeeded", caps: { calls: 9 } });
  });

  it("does not decide on what has changed since it was shown", async () => {
    const { store } = await house.baton.open();
    const [id, other] = [await waiting(), await waiting()];
    const { approval = "" } = (await waitOf(other)) ?? {};
    const json = { step: (await waitOf(id))?.place, decision: "approve", approval };
    const sent = await fetch(`${page(id)}/decide`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(json),
    });
    expect(sent.status).toBe(409);
    expect(await sent.json()).toMatchObject({ error: { code: "STALE_APPROVAL" } });
    expect(await store.get(id)).toMatchObject({ status: "waiting" });
  });

  it("tells the second of two who has decided what", async () => {
    const id = await waiting();
    const [first, second] = [new Browser(), new Browser()];
    const [{ body: a }, { body: b }] = await Promise.all([first.open(page(id)), second.open(page(id))]);
    await first.send(page(id), a, { decision: "approve" });
    const late = await second.send(page(id), b, { decision: "reject" });
    expect(late).toMatchObject({ status: 409, body: expect.stringContaining("already approved by local (page)") });
  });
});

describe("a form that is none of ours", () => {
  it.each([
    ["from another server", {}, { origin: "http://localhost:1" }],
    ["from another host", {}, { origin: "https://evil.example" }],
    ["from nowhere", {}, { origin: "null" }],
    ["without what our page has put into it", { csrf: "" }, {}],
    ["with a guess at it", { csrf: "A".repeat(43) }, {}],
  ])("is refused: %s", async (_, fields, headers) => {
    const id = await waiting();
    const browser = new Browser();
    const { body } = await browser.open(page(id));
    const sent = await browser.send(page(id), body, { decision: "approve", ...fields }, headers);
    expect(sent.status).toBe(403);
    expect(await waitOf(id)).toMatchObject({ state: "open" });
  });

  it("is refused with what was made for another run", async () => {
    const [id, other] = [await waiting(), await waiting()];
    const { hidden } = formOf((await new Browser().open(page(other))).body);
    const browser = new Browser();
    const { body } = await browser.open(page(id));
    const sent = await browser.send(page(id), body, { decision: "approve", csrf: hidden["csrf"] ?? "" });
    expect(sent.status).toBe(403);
  });

  it("is refused as JSON too, from another page", async () => {
    const id = await waiting();
    const { approval } = (await waitOf(id)) ?? {};
    for (const [headers, body] of [
      [
        { "content-type": "application/json", origin: "http://localhost:1" },
        { decision: "approve", approval },
      ],
      [{ "content-type": "text/plain" }, { decision: "approve", approval }],
    ] as const) {
      const sent = await fetch(`${page(id)}/decide`, { method: "POST", headers, body: JSON.stringify(body) });
      expect(sent.status).toBe(403);
    }
    expect(await waitOf(id)).toMatchObject({ state: "open" });
  });
});

describe("what only a person may decide", () => {
  const decide = async (id: string, { url }: Listening, headers: Record<string, string>) => {
    const { place: step, approval } = (await waitOf(id)) ?? {};
    const sent = await fetch(`${url}/runs/${id}/decide`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ step, decision: "approve", approval }),
    });
    return { status: sent.status, body: (await sent.json()) as { error?: { code: string }; by?: string } };
  };

  it("is not decided by JSON without an approver's token, and is with one", async () => {
    const id = await waiting(pay({ high_risk: true }));
    for (const where of [open, withApprovers])
      expect(await decide(id, where, {})).toMatchObject({ status: 403, body: { error: { code: "FORBIDDEN" } } });
    expect(await decide(id, withApprovers, { authorization: "Bearer wrong" })).toMatchObject({ status: 403 });
    const told = await decide(id, withApprovers, { authorization: `Bearer ${KEY}` });
    expect(told).toMatchObject({ status: 200, body: { by: "ada (approver)" } });
    expect(await ended(id)).toMatchObject({ status: "succeeded" });
  });

  it("needs an approver's token in the form, where there are approvers", async () => {
    const id = await waiting(pay({ high_risk: true }));
    const browser = new Browser();
    const { body } = await browser.open(page(id, withApprovers));
    expect(body).toContain('name="token"');
    const send = (token: string) => browser.send(page(id, withApprovers), body, { decision: "approve", token });
    expect(await send("")).toMatchObject({ status: 403, body: expect.stringContaining("high_risk") });
    expect(await send("wrong")).toMatchObject({ status: 403, body: expect.stringContaining("no approver&#39;s") });
    const sent = await browser.send(page(id, withApprovers), body, { decision: "approve", token: KEY });
    expect(sent.status).toBe(303);
    expect(await waitOf(id)).toMatchObject({ decided_by: "ada (approver)" });
    await ended(id);
    expect((await browser.open(page(id, withApprovers))).body).toContain("decided by ada (approver)");
    for (const view of [{ view: "steps" }, { view: "step", step: "ok" }]) {
      const { text } = await house.call("get_run_trace", { run_id: id, ...view });
      expect(text).toContain("decided by ada (approver)");
    }
  });

  it("is decided by a click where there are none", async () => {
    const id = await waiting(pay({ high_risk: true }));
    const browser = new Browser();
    const { body } = await browser.open(page(id));
    expect(body).not.toContain('name="token"');
    expect((await browser.send(page(id), body, { decision: "approve" })).status).toBe(303);
  });
});

describe("what is left to named approvers", () => {
  const named = () => waiting({ ok: { wait: { approval: "Pay Ada?", approvers: ["ada", "eve"] } } });
  const sent = async (id: string, { url }: Listening, headers: Record<string, string>) => {
    const { approval } = (await waitOf(id)) ?? {};
    const response = await fetch(`${url}/runs/${id}/decide`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ decision: "approve", approval }),
    });
    return { status: response.status, text: await response.text() };
  };

  it("is told with their names, and refused to a model and to every other approver, with who may", async () => {
    const id = await named();
    const { data } = await house.call("get_run", { run_id: id });
    expect(data.waiting_for).toMatchObject({ by: "person", note: "only ada or eve may decide" });
    const { approval } = (await waitOf(id)) ?? {};
    const model = await house.call("decide", { run_id: id, decision: "approve", approval });
    expect(model.data.error).toMatchObject({
      code: "FORBIDDEN",
      message: expect.stringContaining("is for ada or eve to decide, and not for local"),
      hint: expect.stringContaining("baton approve"),
    });
    const bob = await sent(id, withApprovers, { authorization: `Bearer ${BOBS}` });
    expect(bob).toMatchObject({
      status: 403,
      text: expect.stringContaining("is for ada or eve to decide, and not for bob"),
    });
    expect((await sent(id, open, {})).status).toBe(403);
    expect(await waitOf(id)).toMatchObject({ state: "open" });
    expect(await sent(id, withApprovers, { authorization: `Bearer ${KEY}` })).toMatchObject({ status: 200 });
    expect(await waitOf(id)).toMatchObject({ state: "answered", decided_by: "ada (approver)" });
  });

  it("is decided on the page with the token of one of them, also where another one has signed in", async () => {
    const id = await named();
    const bob = new Browser({ authorization: `Basic ${Buffer.from(`bob:${BOBS}`).toString("base64")}` });
    const { body } = await bob.open(page(id, withApprovers));
    expect(body).toContain("ada or eve");
    expect(body).toContain('name="token"');
    const send = (token: string) => bob.send(page(id, withApprovers), body, { decision: "approve", token });
    expect(await send("")).toMatchObject({ status: 403, body: expect.stringContaining("not for bob") });
    expect(await send(BOBS)).toMatchObject({ status: 403 });
    expect(await send(KEY)).toMatchObject({ status: 303 });
    expect(await waitOf(id)).toMatchObject({ decided_by: "ada (approver)" });
    const anybody = await named();
    const browser = new Browser();
    const form = (await browser.open(page(anybody))).body;
    expect((await browser.send(page(anybody), form, { decision: "approve" })).status).toBe(403);
    expect(await waitOf(anybody)).toMatchObject({ state: "open" });
  });
});

describe("an approver", () => {
  const basic = { authorization: `Basic ${Buffer.from(`ada:${KEY}`).toString("base64")}` };

  it("sees and decides what waits in everybody's runs, and calls no tool", async () => {
    const id = await waiting(pay(), "ann");
    const stranger = new Browser({ authorization: "Bearer nobody" });
    expect((await stranger.open(page(id, guarded))).status).toBe(401);
    const ada = new Browser(basic);
    expect((await ada.open(`${guarded.url}/`)).body).toContain(id);
    const { body } = await ada.open(page(id, guarded));
    expect((await ada.send(page(id, guarded), body, { decision: "approve" })).status).toBe(303);
    expect(await ended(id)).toMatchObject({ status: "succeeded" });
    for (const path of ["/mcp", "/events"]) {
      const sent = await fetch(`${guarded.url}${path}`, { method: "POST", headers: basic, body: "{}" });
      expect(sent.status, path).toBe(401);
    }
  });

  it("is needed for others' runs", async () => {
    const id = await waiting(pay(), "bob");
    const ann = new Browser({ authorization: "Bearer ann-token-1234" });
    expect((await ann.open(page(id, guarded))).status).toBe(404);
    const sent = await fetch(`${page(id, guarded)}/decide`, {
      method: "POST",
      headers: { authorization: "Bearer ann-token-1234", "content-type": "application/json" },
      body: JSON.stringify({ decision: "reject" }),
    });
    expect(sent.status).toBe(404);
  });
});
