import { Ajv2020 } from "ajv/dist/2020.js";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, describe, expect, it } from "vitest";
import { SILENT } from "../../src/core/log.ts";
import type { Reply } from "../../src/tools/tool.ts";
import { startVendor } from "../stub/vendor.ts";
import { rooms } from "./rooms.ts";

const house = rooms();
afterAll(() => house.close());

const LONG = "Every word counts here. ".repeat(3000);
const slow = (ms: number) => ({ faults: [{ calls: "1-9", late_ms: ms }] });

/** All texts and figures of a value, as they stand. */
function leaves(value: unknown): string[] {
  if (value === null || value === undefined || typeof value === "boolean") return [];
  if (typeof value !== "object") return [String(value)];
  return Object.values(value).flatMap(leaves);
}

function expectSame({ data, text }: Reply): void {
  const { output, next, ...rest } = data as { output?: unknown; next?: { tool: string; arguments: object } };
  for (const leaf of leaves(rest)) expect(text).toContain(leaf);
  if (output !== undefined) expect(text).toContain(typeof output === "string" ? output : JSON.stringify(output));
  if (next) expect(text).toContain(`next: ${next.tool} ${JSON.stringify(next.arguments)}`);
}

describe("what a tool answers", () => {
  it("says the same as text and as data, for a run that succeeded", async () => {
    const reply = await house.call("fan_out", { task: "Say what matters.", agents: ["writer", "critic"] });
    expect(reply.data).toMatchObject({ status: "succeeded", rehearsal: true, usage: { calls: 2 }, steps: { done: 2 } });
    expect(reply.isError).toBe(false);
    expectSame(reply);
  });

  it("fits its own output schema, whether it succeeded, failed or was refused", async () => {
    const ajv = new Ajv2020({ strict: false });
    const calls: [string, unknown][] = [
      ["run_agent", { agent: "writer", task: "t" }],
      ["run_agent", { agent: "writer", task: "t", rehearsal: { faults: [{ calls: "1-9", code: "refused" }] } }],
      ["run_agent", { agent: "nobody", task: "t" }],
      ["fan_out", {}],
      ["get_run", { run_id: "r_none" }],
      ["get_run_trace", { run_id: "r_none" }],
      ["control_run", { run_id: "r_none", action: "cancel" }],
      ["decide", { run_id: "r_none", decision: "approve" }],
      ["list_runs", {}],
      ["list_runs", { since: "yesterday" }],
      ["list_agents", {}],
      ["list_agents", { kind: "robot" }],
    ];
    for (const [name, args] of calls) {
      const { data } = await house.call(name, args);
      const schema = house.baton.tools.find((tool) => tool.name === name)?.outputSchema ?? {};
      expect(ajv.validate(schema, data), `${name}: ${ajv.errorsText()}`).toBe(true);
    }
  });

  it("is an error where the run failed, with a code, a kind and what to do now", async () => {
    const rehearsal = { faults: [{ calls: "1-9", code: "refused" }] };
    const reply = await house.call("run_agent", { agent: "writer", task: "t", rehearsal });
    expect(reply.isError).toBe(true);
    expect(reply.data).toMatchObject({ status: "failed", error: { code: "REFUSED", kind: "semantic" } });
    expect(reply.data.next).toEqual({ tool: "get_run_trace", arguments: { run_id: reply.data.run_id } });
    expectSame(reply);
  });

  it("is free and offline where the caller asks for a rehearsal, also of a model that has a key", async () => {
    const vendor = await startVendor();
    const paid = rooms(
      { BATON_REHEARSAL: "false", BATON_MODEL: "openai/gpt-5-mini" },
      { env: { OPENAI_API_KEY: "key", OPENAI_BASE_URL: vendor.v1 } },
    );
    try {
      const steps = [{ agent: "writer" }, { agent: "openai/gpt-5" }];
      for (const rehearsal of [true, { faults: [{ agent: "writer", calls: 1, late_ms: 5 }] }]) {
        const { data } = await paid.call("run_pipeline", { task: "t", steps, rehearsal });
        expect(data).toMatchObject({ status: "succeeded", rehearsal: true, usage: { usd: 0, calls: 2 } });
      }
      expect(vendor.requests).toEqual([]);
      const { data } = await paid.call("run_agent", { agent: "writer", task: "t" });
      expect(data.status).toBe("succeeded");
      expect(data).not.toHaveProperty("rehearsal");
      expect(vendor.requests).toHaveLength(1);
    } finally {
      await paid.close();
      await vendor.close();
    }
  });

  it("says so, as the log does, where a vendor billed more than the cap", async () => {
    const vendor = await startVendor({ script: [{ reply: { usage: { input: 10, output: 10, cost: 0.2 } } }] });
    const alerts: object[] = [];
    const paid = rooms(
      { BATON_REHEARSAL: "false", BATON_MODEL: "openai/gpt-5-mini" },
      {
        env: { OPENAI_API_KEY: "key", OPENAI_BASE_URL: vendor.v1 },
        log: { ...SILENT, warn: (fields: object) => void alerts.push(fields) },
      },
    );
    try {
      const { data } = await paid.call("run_agent", { agent: "writer", task: "t", budget: { usd: 0.1 } });
      expect(data).toMatchObject({ status: "succeeded", usage: { usd: 0.2 } });
      expect(data.note).toContain("$0.2000 under a cap of $0.1000");
      expect(alerts).toMatchObject([{ event: "call.overrun", run_id: data.run_id, step: "writer", usd: 0.2 }]);
    } finally {
      await paid.close();
      await vendor.close();
    }
  });

  it("names the nearest agent where nobody is called so, and starts nothing", async () => {
    const { data } = await house.call("run_agent", { agent: "critc", task: "t" });
    expect(data).toMatchObject({ run_id: null, status: null, error: { code: "UNKNOWN_AGENT" } });
    expect(`${data.error?.message} ${data.error?.hint}`).toContain("critic");
  });

  it("is under 2,000 tokens however long the output, and says where the rest is", async () => {
    const reply = await house.call("fan_out", {
      task: LONG.slice(0, 30_000),
      items: [...Array(30).keys()],
      agent: "writer",
    });
    expect(encode(reply.text).length).toBeLessThan(2000);
    expect(encode(JSON.stringify(reply.data)).length).toBeLessThan(2000);
    expect(reply.data.next).toEqual({ tool: "get_run", arguments: { run_id: reply.data.run_id, cursor: "0" } });
    expect(reply.links?.map(({ uri }) => uri)).toEqual([`baton://runs/${reply.data.run_id}`]);
  });

  it("gives a long output whole, page by page", async () => {
    const items = [...Array(40)].map((_, i) => `The item of number ${i}. ${LONG.slice(0, 400)}`);
    const started = await house.call("fan_out", { task: "Repeat.", items, agent: "writer" });
    const { store } = await house.baton.open();
    const whole = JSON.stringify((await store.get(String(started.data.run_id)))?.output);
    let read = "";
    let next = started.data.next;
    while (next) {
      const page = await house.call(next.tool, next.arguments);
      expect(encode(page.text).length).toBeLessThan(2000);
      read += page.data.output;
      next = page.data.next;
    }
    expect(read).toBe(whole);
  });
});

describe("waiting", () => {
  it("ends after wait_seconds with the run's id and the call to make next; the run goes on", async () => {
    const args = { agent: "writer", task: "t", wait_seconds: 0.2, rehearsal: slow(1500) };
    const started = await house.call("run_agent", args);
    expect(started.isError).toBe(false);
    expect(["queued", "running"]).toContain(started.data.status);
    expectSame(started);
    const { next } = started.data;
    expect(next).toEqual({ tool: "get_run", arguments: { run_id: started.data.run_id, wait_seconds: 25 } });
    const ended = await house.call(String(next?.tool), next?.arguments);
    expect(ended.data).toMatchObject({ run_id: started.data.run_id, status: "succeeded" });
  });

  it("does not begin with wait_seconds 0", async () => {
    const { data } = await house.call("run_agent", { agent: "writer", task: "t", wait_seconds: 0 });
    expect(data.run_id).toMatch(/^r_[a-z2-7]{26}$/);
    expect(data.next?.tool).toBe("get_run");
  });

  it("ends when the caller goes, and the run does not", async () => {
    const gone = new AbortController();
    const args = { agent: "writer", task: "t", wait_seconds: 3600, rehearsal: slow(1500) };
    const waiting = house.call("run_agent", args, { signal: gone.signal });
    setTimeout(() => gone.abort(), 300);
    const { data } = await waiting;
    expect(data.status).toBe("running");
    const ended = await house.call("get_run", { run_id: data.run_id, wait_seconds: 20 });
    expect(ended.data.status).toBe("succeeded");
  });

  it("says that some clients stop at 60 s where more than 45 are asked for", async () => {
    const { data, text } = await house.call("run_agent", { agent: "writer", task: "t", wait_seconds: 50 });
    expect(data.note).toContain("60 s");
    expect(text).toContain(data.note);
  });

  it("tells how far it is, the run's id first", async () => {
    const told: string[] = [];
    const progress = (message: string) => void told.push(message);
    const steps = ["writer", "critic", "writer"].map((agent) => ({ agent }));
    const args = { task: "t", steps, rehearsal: slow(700) };
    const { data } = await house.call("run_pipeline", args, { progress });
    expect(told[0]).toBe(`run ${data.run_id} started`);
    expect(told.slice(1).join("\n")).toMatch(/running, \d steps? done.*\$0/);
  });
});

describe("an idempotency key", () => {
  const args = { agent: "writer", task: "Once only.", idempotency_key: "k1" };

  it("gives the same run again, also to two who ask at once, whatever they say of waiting, priority and labels", async () => {
    const [a, b] = await Promise.all([
      house.call("run_agent", args),
      house.call("run_agent", { ...args, wait_seconds: 9, priority: 3, labels: ["again"] }),
    ]);
    const c = await house.call("run_agent", args);
    expect(new Set([a, b, c].map(({ data }) => data.run_id)).size).toBe(1);
    expect(c.data.note).toContain("idempotency key");
  });

  it("is refused with other input", async () => {
    const { data } = await house.call("run_agent", { ...args, task: "Twice." });
    expect(data).toMatchObject({ run_id: null, error: { code: "KEY_REUSED" } });
  });

  it("is a key of this tool and this caller alone", async () => {
    const mine = await house.call("run_agent", args);
    const others = await house.call("run_agent", args, { caller: "ann" });
    const tools = await house.call("fan_out", { task: "Once only.", agents: ["writer"], idempotency_key: "k1" });
    expect(new Set([mine, others, tools].map(({ data }) => data.run_id)).size).toBe(3);
  });
});

describe("a run of somebody else", () => {
  it("is as unknown as one that never was", async () => {
    const { data } = await house.call("run_agent", { agent: "writer", task: "Ann's own." }, { caller: "ann" });
    const run_id = data.run_id;
    const asks: [string, object][] = [
      ["get_run", { run_id }],
      ["get_run_trace", { run_id }],
      ["control_run", { run_id, action: "cancel" }],
      ["decide", { run_id, decision: "approve" }],
      ["run_agent", { agent: "writer", task: "t", context: [{ run_id }] }],
    ];
    for (const [name, args] of asks)
      expect((await house.call(name, args)).data, name).toMatchObject({ run_id: null, error: { code: "NOT_FOUND" } });
    const listed = await house.call("list_runs", { limit: 50 });
    expect(JSON.stringify(listed.data)).not.toContain(String(run_id));
    expect((await house.call("get_run", { run_id }, { caller: "ann" })).data.status).toBe("succeeded");
  });
});

describe("control_run", () => {
  it("cancels a run in flight", async () => {
    const args = { agent: "writer", task: "t", wait_seconds: 0.3, rehearsal: slow(60_000) };
    const { data } = await house.call("run_agent", args);
    const cancelled = await house.call("control_run", { run_id: data.run_id, action: "cancel" });
    expect(cancelled.data).toMatchObject({ run_id: data.run_id, status: "cancelled" });
    expect(cancelled.isError).toBe(false);
  });

  it("retries a failed run, which keeps what was paid for", async () => {
    const steps = [{ agent: "writer" }, { agent: "critic" }];
    const rehearsal = { faults: [{ agent: "critic", calls: "1", code: "refused" }] };
    const failed = await house.call("run_pipeline", { task: "t", steps, rehearsal });
    expect(failed.data.status).toBe("failed");
    const retried = await house.call("control_run", { run_id: failed.data.run_id, action: "retry" });
    const ended = await house.call("get_run", { run_id: retried.data.run_id, wait_seconds: 20 });
    expect(ended.data).toMatchObject({ run_id: failed.data.run_id, status: "succeeded" });
    const { text } = await house.call("get_run_trace", { run_id: failed.data.run_id, view: "steps" });
    expect(text.match(/^writer \[/gm)).toHaveLength(1);
  });

  it("says why it cannot do what makes no sense", async () => {
    const { data } = await house.call("run_agent", { agent: "writer", task: "t" });
    for (const action of ["retry", "requeue"]) {
      const refused = await house.call("control_run", { run_id: data.run_id, action });
      expect(refused.data.error, action).toMatchObject({ code: "ILLEGAL_CHANGE" });
      expect(refused.data.error?.message).toContain("succeeded");
    }
  });
});

describe("list_runs", () => {
  it("counts by status, measures, filters and goes on where it stopped", async () => {
    const label = "listed";
    for (let i = 0; i < 5; i++)
      await house.call("run_agent", { agent: "writer", task: `Number ${i}.`, labels: [label] });
    const first = await house.call("list_runs", { label, limit: 3 });
    expect(first.data).toMatchObject({ counts: { succeeded: 5 }, next: { tool: "list_runs" } });
    expect(first.text).toMatch(/5 succeeded · P50 \d+ ms · P95 \d+ ms · P99 \d+ ms/);
    const { next } = first.data;
    const second = await house.call("list_runs", next?.arguments);
    const runs = [first, second].flatMap(({ data }) => (data as unknown as { runs: { about: string }[] }).runs);
    expect(runs.map(({ about }) => about)).toEqual([4, 3, 2, 1, 0].map((i) => `Number ${i}.`));
    expect((await house.call("list_runs", { label, since: "1h", status: "failed" })).data).toMatchObject({ runs: [] });
    expect((await house.call("list_runs", { cursor: "x" })).data.error?.message).toContain("cursor");
  });

  it("is under 2,000 tokens for as many runs as it shows at most", async () => {
    for (let i = 0; i < 40; i++)
      await house.call("run_agent", { agent: "writer", task: LONG.slice(0, 900), wait_seconds: 0, labels: ["many"] });
    const { text, data } = await house.call("list_runs", { limit: 50 });
    expect(encode(text).length).toBeLessThan(2000);
    expect(encode(JSON.stringify(data)).length).toBeLessThan(2000);
  });
});

describe("list_agents", () => {
  it("tells who there is, what they are for, what they cost, and who answers by default", async () => {
    const { data, text } = await house.call("list_agents", { kind: "agent" });
    const agents = (data as unknown as { agents: { name: string }[] }).agents.map(({ name }) => name);
    expect(agents).toEqual(expect.arrayContaining(["writer", "critic", "judge", "synthesiser"]));
    expect(text).toContain("default model: rehearsal/default");
  });
});
