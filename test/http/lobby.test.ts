import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SILENT } from "../../src/core/log.ts";
import type { Run } from "../../src/core/store.ts";
import { Lobby } from "../../src/http/lobby.ts";
import { OneTimeLinks } from "../../src/http/one-time.ts";
import { eventually } from "../house.ts";
import { rooms } from "../tools/rooms.ts";
import { Browser } from "./forms.ts";

const house = rooms();
let lobby: Lobby;
afterAll(async () => {
  await lobby.close();
  await house.close();
});

beforeAll(async () => {
  const { store, engine, people } = await house.baton.open();
  const nudge = (run: string) => engine.nudge(run);
  lobby = new Lobby({ store, log: SILENT, policy: people.policy, approvers: new Map(), nudge }, 100);
});

async function waiting(): Promise<Run> {
  const nodes = { ok: { wait: { approval: "Pay?" }, high_risk: true } };
  const { data } = await house.call("run_workflow", { definition: { nodes } });
  const { store } = await house.baton.open();
  return (await store.get(String(data.run_id))) as Run;
}

const isOpen = (url: string) =>
  fetch(url).then(
    () => true,
    () => false,
  );

const listens = () => process.getActiveResourcesInfo().includes("TCPServerWrap");

describe("a link to the page of a run", () => {
  it("is the first need of a page: nothing listens before", async () => {
    const run = await waiting();
    expect(listens()).toBe(false);
    await lobby.link(run);
    expect(listens()).toBe(true);
  });

  it("works once, and lets in only who has followed it", async () => {
    const run = await waiting();
    const link = await lobby.link(run);
    expect(await lobby.link(run)).toBe(link);
    const { origin } = new URL(link);
    expect((await new Browser().open(`${origin}/runs/${run.id}`)).status).toBe(403);
    expect((await fetch(link, { method: "HEAD" })).status).toBe(410);
    const fresh = await lobby.link(run);
    const browser = new Browser();
    const followed = await browser.open(fresh);
    expect(followed.response.headers.get("set-cookie")).toMatch(/HttpOnly; SameSite=Lax/);
    expect(followed.response.headers.get("location")).toBe(`/runs/${run.id}`);
    expect((await new Browser().open(fresh)).status).toBe(410);
    const { body } = await browser.open(`${origin}/runs/${run.id}`);
    expect((await browser.send(`${origin}/runs/${run.id}`, body, { decision: "approve" })).status).toBe(303);
    expect(await lobby.link(run)).not.toBe(fresh);
    const { engine } = await house.baton.open();
    expect(await engine.wait(run.id, 15_000)).toMatchObject({ status: "succeeded" });
  });

  it("is refused by another name of this machine, and to other pages", async () => {
    const link = await lobby.link(await waiting());
    expect((await fetch(link, { headers: { origin: "https://evil.example" } })).status).toBe(403);
  });

  it("is worth nothing after an hour", () => {
    let now = 0;
    const links = new OneTimeLinks(() => now);
    const token = links.issue("r_1");
    now = 3_600_000;
    expect(links.follow(token)).toBeUndefined();
    const { visit = "" } = links.follow(links.issue("r_1")) ?? {};
    expect(links.isVisiting(visit)).toBe(true);
    now *= 2;
    expect(links.isVisiting(visit)).toBe(false);
    expect(links.isVisiting("")).toBe(false);
  });

  it("opens a page that closes when nobody is waited for any more, and opens again", async () => {
    const run = await waiting();
    const { origin } = new URL(await lobby.link(run));
    const { store } = await house.baton.open();
    const { runs } = await store.list({ status: ["waiting"], limit: 100 });
    for (const { id } of runs) await house.call("control_run", { run_id: id, action: "cancel" });
    await eventually(async () => !(await isOpen(origin)));
    const again = await lobby.link(await waiting());
    expect(await isOpen(again)).toBe(true);
  });
});
