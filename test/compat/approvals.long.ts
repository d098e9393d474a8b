import { describe, expect, it, vi } from "vitest";
import { baton, served, temporaryHome } from "../cli/server-process.ts";
import { Browser } from "../http/forms.ts";
import { type AnyClient, CLIENTS } from "./clients.ts";

/** Servers are processes of their own. */
vi.setConfig({ testTimeout: 60_000 });

const pay = (more: object = {}) => ({
  nodes: { ok: { wait: { approval: "Pay Ada?", action: { name: "pay", arguments: { sum: 5 } } }, ...more } },
});

/** The ways in which a person's decision comes to a run. */
const WAYS: Readonly<Record<string, (client: AnyClient, run_id: string, home: string) => Promise<unknown>>> = {
  async "with the tool"(client, run_id) {
    const { data } = await client.call("get_run", { run_id });
    expect(data.waiting_for).toMatchObject({ kind: "approval", action: { name: "pay" } });
    return client.call("decide", data.next?.arguments ?? {});
  },
  "at the command line": (_, run_id, home) => baton(["approve", run_id, "--yes"], home),
  async "on the page"(client, run_id) {
    const { data } = await client.call("get_run", { run_id });
    const link = String(data.waiting_for?.page);
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/d\/\S{32}$/);
    const browser = new Browser();
    const { response } = await browser.open(link);
    const page = new URL(response.headers.get("location") ?? "", link).href;
    const sent = await browser.send(page, (await browser.open(page)).body, { decision: "approve" });
    expect(sent.status).toBe(303);
  },
};

describe.each(Object.entries(CLIENTS))("with %s", (_, connect) => {
  it.each(Object.entries(WAYS))("a run whose server was killed is approved %s and goes on", async (_, decide) => {
    const { home, remove } = temporaryHome();
    const first = await connect({ home });
    const { data } = await first.call("run_workflow", { definition: pay() });
    expect(data).toMatchObject({ status: "waiting" });
    process.kill(first.pid ?? 0, "SIGKILL");
    const second = await connect({ home });
    await decide(second, String(data.run_id), home);
    const { data: end } = await second.call("get_run", { run_id: data.run_id, wait_seconds: 20 });
    expect(end).toMatchObject({ status: "succeeded", output: { sum: 5 } });
    await second.close();
    await first.close();
    remove();
  });

  it("a step of high risk is not approved by the model, and is on the page that it is told of", async () => {
    const { home, remove } = temporaryHome();
    const client = await connect({ home });
    const { data } = await client.call("run_workflow", { definition: pay({ high_risk: true }) });
    const { run_id, waiting_for } = data;
    const approve = { run_id, decision: "approve", approval: waiting_for?.approval };
    const { data: refused } = await client.call("decide", approve);
    expect(refused.error).toMatchObject({ code: "FORBIDDEN", hint: expect.stringContaining("http://127.0.0.1:") });
    await WAYS["on the page"]?.(client, String(run_id), home);
    const { data: end } = await client.call("get_run", { run_id, wait_seconds: 20 });
    expect(end).toMatchObject({ status: "succeeded" });
    await client.close();
    remove();
  });

  it("a server with an address of its own shows where to decide, and what is decided there survives a kill", async () => {
    const { home, remove } = temporaryHome();
    const server = await served(home, [], { BATON_LOG: "error" });
    const client = await connect({ url: server.url });
    const { data } = await client.call("run_workflow", { definition: pay({ high_risk: true }) });
    expect(data.waiting_for?.page).toBe(`${server.url}/runs/${data.run_id}`);
    await server.stop("SIGKILL");
    const again = await served(home, [], { BATON_LOG: "error" });
    const browser = new Browser();
    const page = `${again.url}/runs/${data.run_id}`;
    expect((await browser.send(page, (await browser.open(page)).body, { decision: "approve" })).status).toBe(303);
    const second = await connect({ url: again.url });
    const { data: end } = await second.call("get_run", { run_id: data.run_id, wait_seconds: 20 });
    expect(end).toMatchObject({ status: "succeeded", output: { sum: 5 } });
    await Promise.all([client.close().catch(() => undefined), second.close()]);
    await again.stop();
    remove();
  });
});
