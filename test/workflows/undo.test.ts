import { describe, expect, test } from "vitest";
import { byModel } from "../patterns/stand.ts";
import { openReceiver } from "./receiver.ts";
import { openStage } from "./stand.ts";

/** A node that orders something, and says how the order is taken back: by what was answered, and by what it was told. */
const order = (host: string, what: string, more: object = {}) => ({
  http: { method: "POST", url: `http://${host}/${what}`, body: { for: "{{ inputs.who.name }}" } },
  effect: true,
  compensate: {
    http: {
      method: "DELETE",
      url: `http://${host}/${what}/{{ output.id }}`,
      headers: { "x-for": "= inputs.who.name" },
      body: { why: "sorry, {{ inputs.who.name }}", ids: ["= output.id + 1", "as it stands"] },
    },
  },
  ...more,
});
const inputs = { who: { type: "object" } };
const who = { name: "Ann", age: 7 };

const taken = (asked: readonly string[]) => asked.filter((one) => one.startsWith("DELETE"));

describe("what a workflow did", () => {
  test("is taken back on request where it was cancelled: filled in from what was claimed and what came of it", async () => {
    await using other = await openReceiver((_, n) => ({ json: { id: n } }));
    const script = byModel({ a: { text: "A", latency_ms: 20_000 } });
    await using stage = await openStage({ settings: { hosts: [other.host] }, script });
    const nodes = {
      hotel: order(other.host, "hotel"),
      seats: {
        map: { over: "['x', 'y']", nodes: { book: order(other.host, "seat-{{ item }}") } },
        after: ["hotel"],
      },
      slow: { agent: "oa/a", task: "t", after: ["seats"] },
    };
    const { id } = await stage.start("run_workflow", { definition: { inputs, nodes }, inputs: { who } });
    await stage.eventuallyAsked("a");
    await stage.cancel(id);
    const { run } = await stage.store.compensate(id, { ask: false });
    stage.engine.nudge(run.id);
    const end = await stage.ended(run.id);
    expect(end.status).toBe("succeeded");
    expect(taken(other.asked).map((asked) => asked.replace(/\d+/g, "n"))).toEqual([
      'DELETE /seat-y/n {"why":"sorry, Ann","ids":[n,"as it stands"]}',
      'DELETE /seat-x/n {"why":"sorry, Ann","ids":[n,"as it stands"]}',
      'DELETE /hotel/n {"why":"sorry, Ann","ids":[n,"as it stands"]}',
    ]);
    expect(other.asked.at(-1)).toContain('DELETE /hotel/1 {"why":"sorry, Ann","ids":[2,');
    expect(new Set(other.keys).size).toBe(6);
    const claims = (await stage.store.memory(id)).lines.filter(({ place }) => place.includes("~claim"));
    expect(JSON.stringify(claims[0]?.value)).not.toContain("age");
  });

  test("and has taken back itself is not taken back again; after a retry it is done again, and can be", async () => {
    await using other = await openReceiver((asked, n) =>
      asked.includes("fail") && n < 6 ? { status: 409, json: "no" } : { json: { id: n } },
    );
    await using stage = await openStage({ settings: { hosts: [other.host] } });
    const nodes = {
      hotel: order(other.host, "hotel"),
      flight: order(other.host, "flight", { after: ["hotel"] }),
      car: order(other.host, "fail", { after: ["flight"] }),
    };
    const run = await stage.graph({ inputs, nodes }, { inputs: { who } });
    expect(run.error?.message).toMatch(/undone: flight, hotel$/);
    await expect(stage.store.compensate(run.id, { ask: false })).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
    expect(await stage.retry(run.id)).toMatchObject({ status: "succeeded" });
    expect(other.asked.map((asked) => asked.split(" {")[0])).toEqual([
      ...["POST /hotel", "POST /flight", "POST /fail", "DELETE /flight/2", "DELETE /hotel/1"],
      ...["POST /hotel", "POST /flight", "POST /fail"],
    ]);
    const [hotel, flight, , , , hotelAgain, flightAgain] = other.keys;
    expect([hotelAgain, flightAgain]).not.toEqual(expect.arrayContaining([hotel, flight]));
    const { run: undoing } = await stage.store.compensate(run.id, { ask: false });
    stage.engine.nudge(undoing.id);
    expect(await stage.ended(undoing.id)).toMatchObject({ status: "succeeded" });
    expect(taken(other.asked).map((asked) => asked.split(" {")[0])).toEqual([
      ...["DELETE /flight/2", "DELETE /hotel/1"],
      ...["DELETE /fail/8", "DELETE /flight/7", "DELETE /hotel/6"],
    ]);
  });

  test("and could not take back itself is tried again on request, and nothing else", async () => {
    let closed = true;
    await using other = await openReceiver((asked, n) =>
      asked.includes("fail") || (closed && asked.includes("DELETE /two")) ? { status: 409 } : { json: { id: n } },
    );
    await using stage = await openStage({ settings: { hosts: [other.host] } });
    const nodes = {
      one: order(other.host, "one"),
      two: order(other.host, "two", { after: ["one"] }),
      bad: order(other.host, "fail", { after: ["two"] }),
    };
    const run = await stage.graph({ inputs, nodes }, { inputs: { who } });
    expect(run.error?.message).toMatch(/; undone: one; could not be undone: two/);
    closed = false;
    const { run: undoing } = await stage.store.compensate(run.id, { ask: false });
    stage.engine.nudge(undoing.id);
    expect(await stage.ended(undoing.id)).toMatchObject({ status: "succeeded" });
    expect(taken(other.asked).map((asked) => asked.split(" {")[0])).toEqual([
      ...["DELETE /two/2", "DELETE /one/1", "DELETE /two/2"],
    ]);
  });

  test("and was taken back is not offered to a fork: there it is asked for anew", async () => {
    await using other = await openReceiver((_, n) => ({ json: { id: n } }));
    await using stage = await openStage({ settings: { hosts: [other.host] }, script: byModel({ a: { text: "A" } }) });
    const nodes = {
      hotel: order(other.host, "hotel"),
      think: { agent: "oa/a", task: "t {{ nodes.hotel.output.id }}" },
    };
    const source = await stage.graph({ inputs, nodes }, { inputs: { who } });
    const { run: undoing } = await stage.store.compensate(source.id, { ask: false });
    stage.engine.nudge(undoing.id);
    await stage.ended(undoing.id);
    const ask = { source, caller: "test", effects: "run" } as const;
    expect(await stage.engine.foreseeFork(ask)).toMatchObject({ reused: 0, first: ["map/0/hotel"] });
    const { run: fork } = await stage.engine.fork(ask);
    expect(await stage.ended(fork.id)).toMatchObject({ status: "succeeded" });
    expect(other.asked.map((asked) => asked.split(" {")[0])).toEqual(["POST /hotel", "DELETE /hotel/1", "POST /hotel"]);
  });

  test("in a fork is the fork's own alone: what its source did stays", async () => {
    await using other = await openReceiver((_, n) => ({ json: { id: n } }));
    const script = byModel({ a: { text: "A" }, b: { text: "B" } });
    await using stage = await openStage({ settings: { hosts: [other.host] }, script });
    const nodes = {
      hotel: order(other.host, "hotel"),
      think: { agent: "oa/a", task: "t {{ nodes.hotel.output.id }}" },
      car: order(other.host, "car", { after: ["think"] }),
    };
    const source = await stage.graph({ inputs, nodes }, { inputs: { who } });
    const { run: fork } = await stage.engine.fork({
      source,
      caller: "test",
      changes: { steps: { "map/1/think": { prompt: "other" } } },
      effects: "run",
    });
    expect(await stage.ended(fork.id)).toMatchObject({ status: "succeeded" });
    const { run: undoing } = await stage.store.compensate(fork.id, { ask: false });
    stage.engine.nudge(undoing.id);
    await stage.ended(undoing.id);
    expect(other.asked.map((asked) => asked.split(" {")[0])).toEqual([
      ...["POST /hotel", "POST /car", "POST /car", "DELETE /car/3"],
    ]);
  });
});
