import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { newHome } from "../house.ts";
import { byModel } from "../patterns/stand.ts";
import { event } from "../store/kit.ts";
import { openReceiver } from "./receiver.ts";
import { openStage } from "./stand.ts";

describe("a node that waits", () => {
  const approval = (more: object = {}) => ({
    nodes: {
      draft: { value: "{'title': 'T'}" },
      ok: { wait: { approval: "= nodes.draft.output", ...more } },
      end: { value: "nodes.ok" },
    },
  });

  test.each([
    ["gives what was shown", "approved", undefined, { output: { status: "succeeded", output: { title: "T" } } }],
    ["gives what the person has made of it", "approved", { title: "U" }, { output: { output: { title: "U" } } }],
    ["fails where it is rejected", "rejected", undefined, { status: "failed", error: { code: "REJECTED" } }],
  ] as const)("for approval %s", async (_, how, value, end) => {
    await using stage = await openStage();
    const run = await stage.graph(approval());
    expect(run.status).toBe("waiting");
    expect((await stage.store.progress(run.id)).waiting).toMatchObject([{ place: "map/1/ok", show: { title: "T" } }]);
    expect(await stage.decide(run.id, how, value)).toMatchObject(end);
  });

  test.each([
    ["takes the default", { default: { title: "D" } }, { output: { status: "succeeded", output: { title: "D" } } }],
    [
      "is skipped where it says so",
      { on_expiry: "skip" },
      { output: null, degraded: [expect.stringContaining("nobody")] },
    ],
    ["fails where nothing is said", {}, { status: "failed", error: { code: "TIMEOUT" } }],
  ])("for nobody, in the end, %s", async (_, more, end) => {
    await using stage = await openStage();
    const run = await stage.graph(approval({ within_seconds: 0.05, ...more }));
    expect(await stage.becomes(run.id, "status" in end ? "failed" : "succeeded")).toMatchObject(end);
  });

  test.each([
    ["approve", { output: { status: "succeeded", output: { title: "T" } } }],
    [
      "reject",
      { status: "failed", error: { code: "REJECTED", message: expect.stringContaining("nobody has decided") } },
    ],
  ])("for nobody is settled by its default: %s", async (on_expiry, end) => {
    await using stage = await openStage();
    const run = await stage.graph(approval({ within_seconds: 0.05, on_expiry }));
    expect(await stage.becomes(run.id, "status" in end ? "failed" : "succeeded")).toMatchObject(end);
  });

  test("for the approval of an action shows its arguments, as templates have them, by which definition, and gives them", async () => {
    await using stage = await openStage();
    const action = { name: "POST /payments", arguments: { to: "{{ nodes.draft.output.title }}", sum: "= 2 + 3" } };
    const graph = { ...approval({ action }), name: "payments" };
    const run = await stage.graph(graph);
    const [wait] = (await stage.store.progress(run.id)).waiting;
    expect(wait?.terms).toMatchObject({
      action: { name: "POST /payments", arguments: { to: "T", sum: 5 } },
      definition: expect.stringMatching(/^payments@[0-9a-f]{32}$/),
    });
    expect((await stage.decide(run.id, "approved")).output).toMatchObject({ output: { to: "T", sum: 5 } });
    const edited = await stage.graph(graph);
    expect((await stage.decide(edited.id, "approved", { to: "U", sum: 1 })).output).toMatchObject({
      output: { to: "U", sum: 1 },
    });
  });

  test("for a person alone, with a schema and a second call, says so", async () => {
    await using stage = await openStage();
    const schema = { type: "object", properties: { title: { type: "string" } } };
    const run = await stage.graph({
      nodes: {
        ok: {
          wait: {
            approval: "Really?",
            self: false,
            approvers: ["ada"],
            escalate: { after_seconds: 600, note: "call" },
          },
          high_risk: true,
          output_schema: schema,
        },
      },
    });
    const [wait] = (await stage.store.progress(run.id)).waiting;
    expect(wait?.terms).toMatchObject({
      high_risk: true,
      self: false,
      approvers: ["ada"],
      schema,
      escalate: { after_seconds: 600 },
    });
    expect(wait?.escalate_at).toBe((wait?.opened_at ?? 0) + 600_000);
  });

  test("for an answer shows its question and gives the answer", async () => {
    await using stage = await openStage({ script: byModel({ a: { text: "A" } }) });
    const run = await stage.graph(
      {
        inputs: { who: { type: "string" } },
        nodes: {
          q: { wait: { answer: "What does {{ inputs.who }} want?" } },
          a: { agent: "oa/a", task: "Do {{ nodes.q.output }}" },
        },
      },
      { inputs: { who: "Ada" } },
    );
    expect((await stage.store.progress(run.id)).waiting).toMatchObject([{ show: "What does Ada want?" }]);
    expect(await stage.decide(run.id, "answered", "tea")).toMatchObject({ status: "succeeded", output: "A" });
    expect(stage.asked("a")).toEqual(["Do tea"]);
  });

  test("for a time goes on by itself; a pause of nothing is none", async () => {
    await using stage = await openStage();
    const run = await stage.graph({
      nodes: {
        pause: { wait: { seconds: "0.04 + 0.01" } },
        none: { wait: { seconds: "0 * 1" } },
        end: { value: "7", after: ["pause", "none"] },
      },
    });
    expect((await stage.becomes(run.id, "succeeded")).output).toBe(7);
    expect(await stage.places(run.id)).not.toContain("map/1/none");
  });

  test("for an event takes the one that fits, and gives it", async () => {
    await using stage = await openStage();
    const definition = {
      inputs: { order: { type: "string" } },
      nodes: {
        paid: { wait: { event: { type: "order.*", where: "event.data.paid", correlation_id: "{{ inputs.order }}" } } },
        end: { value: "nodes.paid.output.data.sum" },
      },
    };
    const run = await stage.start("run_workflow", { definition, inputs: { order: "o 7" } });
    await stage.becomes(run.id, "waiting");
    const publish = (id: string, correlationid: string, data: object) =>
      stage.store.publish(event(id, { type: "order.changed", correlationid, data }), "test");
    await publish("1", "o 8", { paid: true, sum: 1 });
    await publish("2", "o 7", { paid: false, sum: 2 });
    await publish("3", "o 7", { paid: true, sum: 3 });
    expect(await stage.ended(run.id)).toMatchObject({ status: "succeeded", output: 3 });
  });

  test("inside a map waits for each item by itself", async () => {
    await using stage = await openStage();
    const nodes = { ok: { wait: { approval: "{{ item }}" } }, say: { value: "nodes.ok.output + '!'" } };
    const run = await stage.graph({ nodes: { all: { map: { over: "['x', 'y']", nodes } } } });
    expect((await stage.store.progress(run.id)).waiting.map(({ show }) => show)).toEqual(["x", "y"]);
    expect((await stage.decide(run.id, "approved")).status).toBe("waiting");
    expect((await stage.decide(run.id, "approved")).output).toEqual(["x!", "y!"]);
  });
});

describe("a node that looks at the world", () => {
  test("reads a file inside the folders, and no other", async () => {
    const folder = await newHome();
    writeFileSync(join(folder, "notes.md"), "Begin early.");
    await using stage = await openStage({ settings: { folders: [folder] } });
    const graph = (file: string) => ({
      inputs: { name: { type: "string", default: "notes" } },
      nodes: { notes: { file } },
    });
    expect((await stage.graph(graph("{{ inputs.name }}.md"))).output).toBe("Begin early.");
    expect((await stage.graph(graph("/etc/passwd"))).error?.code).toBe("FORBIDDEN");
  });

  test("sends a secret that the settings let its host have, and no memory holds it", async () => {
    await using other = await openReceiver();
    const hosts = [{ host: other.host, secrets: ["SHOP_TOKEN"] }];
    await using stage = await openStage({ settings: { hosts }, env: { SHOP_TOKEN: "very-secret-1" } });
    const http = { url: `http://${other.host}/x`, headers: { authorization: "Bearer env:SHOP_TOKEN" } };
    const run = await stage.graph({ nodes: { get: { http } } });
    expect(run.status).toBe("succeeded");
    expect(other.secrets).toEqual(["Bearer very-secret-1"]);
    expect(JSON.stringify([run, await stage.store.memory(run.id)])).not.toContain("very-secret-1");
  });

  test("sends what its templates say, and holds the answer to the shape that is declared", async () => {
    await using other = await openReceiver((_, n) => ({ json: n === 1 ? { items: [1, 2] } : { items: "none" } }));
    await using stage = await openStage({ settings: { hosts: [other.host] } });
    const graph = {
      inputs: { n: { type: "integer", default: 7 } },
      nodes: {
        get: {
          http: {
            method: "POST",
            url: `http://${other.host}/{{ inputs.n }}`,
            body: { n: "= inputs.n", text: "is {{ inputs.n }}" },
          },
          output_schema: { type: "object", properties: { items: { type: "array" } } },
        },
        count: { value: "size(nodes.get.output.items)" },
      },
    };
    expect((await stage.graph(graph)).output).toBe(2);
    expect(other.asked).toEqual(['POST /7 {"n":7,"text":"is 7"}']);
    expect(await stage.graph(graph)).toMatchObject({ status: "failed", error: { code: "BAD_OUTPUT" } });
  });
});
