import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, describe, expect, it } from "vitest";
import { patterns } from "../../src/patterns/index.ts";
import { awaitEvent } from "../events/watching.ts";
import { eventually } from "../house.ts";
import { rooms } from "./rooms.ts";

const SUBSCRIPTIONS = JSON.stringify([{ on: { type: "order.*" }, run: "writer" }]);
const house = rooms({ BATON_SUBSCRIPTIONS: SUBSCRIPTIONS }, { patterns: [...patterns, awaitEvent] });
const reading = rooms({ BATON_READ_ONLY: "true" });

afterAll(() => Promise.all([house.close(), reading.close()]));

const publish = (args: object) => house.call("publish_event", args);

describe("publish_event", () => {
  it("says which event it was, to how many it goes, and whom it has woken", async () => {
    const { data: waiting } = await house.call("await_event", { task: "t", type: "order.paid", wait_seconds: 0 });
    const { store, engine } = await house.baton.open();
    const id = String(waiting.run_id);
    await eventually(async () => (await store.get(id))?.status === "waiting");
    const { data, text, isError } = await publish({ type: "order.paid", payload: { order: 7 }, correlation_id: "c" });
    expect(isError).toBe(false);
    expect(data).toMatchObject({ event: { type: "order.paid", source: "mcp" }, deliveries: 1, woke: [id] });
    expect(JSON.parse(text)).toEqual(data);
    expect(await engine.wait(id, 10_000)).toMatchObject({
      status: "succeeded",
      output: { value: { data: { order: 7 }, correlationid: "c" } },
    });
    await eventually(async () => (await store.deliveries({ state: "done", limit: 5 })).length === 1);
  });

  it("knows an event by its id and source, and refuses another one under them", async () => {
    const first = { type: "bill.paid", payload: 1, id: "b1", source: "/bills" };
    expect((await publish(first)).data).not.toHaveProperty("existed");
    expect((await publish(first)).data).toMatchObject({ existed: true, event: { id: "b1" }, woke: [] });
    const other = await publish({ ...first, payload: 2 });
    expect(other).toMatchObject({ isError: true, data: { error: { code: "KEY_REUSED" } } });
  });

  it.each([
    [{ payload: 1 }, /`type` is missing/],
    [{ type: "", payload: 1 }, /`type`/],
    [{ type: "x", payload: 1, corelation_id: "c" }, /correlation_id/],
    [{ type: "x".repeat(300), payload: 1 }, /`type`/],
    [{ type: "x", payload: 1, source: "baton" }, /Baton's own events/],
  ])("refuses %j in words", async (args, words) => {
    const { isError, data } = await publish(args);
    expect(isError).toBe(true);
    expect(data.error?.message).toMatch(words);
  });

  it("costs a client under 150 tokens, and is not offered where nothing may be changed", () => {
    const tool = house.baton.tools.find(({ name }) => name === "publish_event");
    const { name, description, inputSchema } = tool ?? {};
    expect(encode(JSON.stringify({ name, description, inputSchema })).length).toBeLessThan(150);
    expect(tool?.hints).toMatchObject({ readOnlyHint: false });
    expect(reading.baton.tools.map((each) => each.name)).not.toContain("publish_event");
  });
});
