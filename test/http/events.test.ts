import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Listening } from "../../src/http/listen.ts";
import { eventually } from "../house.ts";
import { rooms } from "../tools/rooms.ts";
import { serving } from "./serving.ts";

const house = rooms({
  BATON_SUBSCRIPTIONS: JSON.stringify([{ name: "all", on: { type: "order.*" }, run: "writer" }]),
});
let open: Listening;
let guarded: Listening;
let reading: Listening;

beforeAll(async () => {
  open = await serving(house);
  guarded = await serving(house, new Map([["ann-token-1234", "ann"]]), { eventBytes: 500 });
  reading = await serving(house, undefined, { readOnly: true });
});

afterAll(async () => {
  await Promise.all([open.close(), guarded.close(), reading.close()]);
  await house.close();
});

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const CLOUD = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";

/** Sends with headers that fetch would not let one set. */
const send = (body: unknown, headers: Record<string, string> = {}, to = open): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const sent = request(
      `${to.url}/events`,
      { method: "POST", headers: { "content-type": CLOUD, ...headers } },
      (got) => {
        let said = "";
        got.on("data", (chunk: Buffer) => {
          said += chunk;
        });
        got.on("end", () =>
          resolve({ status: got.statusCode ?? 0, body: said.startsWith("{") ? JSON.parse(said) : { said } }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(text);
  });

const event = (id: string, more: object = {}) => ({
  specversion: "1.0",
  id,
  source: "/shop",
  type: "order.paid",
  data: { id },
  ...more,
});

const known = async () => {
  const { store } = await house.baton.open();
  return (await store.deliveries({ limit: 100 })).map((delivery) => delivery.event);
};

describe("POST /events", () => {
  it("takes a CloudEvent, says what comes of it, and begins what subscribes to it", async () => {
    const { status, body } = await send(event("1", { correlationid: "c", subject: "order 7" }));
    expect(status).toBe(202);
    expect(body).toMatchObject({ event: { id: "1", source: "/shop", type: "order.paid" }, deliveries: 1, woke: [] });
    const [stored] = await known();
    expect(stored).toMatchObject({ caller: "local", correlationid: "c", subject: "order 7", data: { id: "1" } });
    const { store, engine } = await house.baton.open();
    engine.awaken();
    await eventually(async () => (await store.deliveries({ state: "done", limit: 5 })).length === 1);
  });

  it("takes plain JSON as well, and adds the time where there is none", async () => {
    const before = Date.now();
    const { status, body } = await send(event("2"), { "content-type": "application/json; charset=utf-8" });
    expect(status).toBe(202);
    expect(Date.parse((body["event"] as { time: string }).time)).toBeGreaterThanOrEqual(before - 1);
  });

  it("knows an event that comes again, and refuses another one under its id", async () => {
    await send(event("3"));
    expect(await send(event("3"))).toMatchObject({ status: 202, body: { existed: true, deliveries: 1 } });
    const other = await send(event("3", { data: "something else" }));
    expect(other).toMatchObject({ status: 409, body: { error: { code: "KEY_REUSED" } } });
  });

  it("takes a batch in its order, and says of each what came of it", async () => {
    const { status, body } = await send([event("b1"), event("b2"), event("b1", { data: 0 })], {
      "content-type": BATCH,
    });
    expect(status).toBe(409);
    expect(body["events"]).toMatchObject([
      { event: { id: "b1" } },
      { event: { id: "b2" } },
      { error: { code: "KEY_REUSED" } },
    ]);
    expect((await send([event("b3")], { "content-type": BATCH })).status).toBe(202);
    expect(await send([], { "content-type": BATCH })).toMatchObject({ status: 202, body: { events: [] } });
  });

  it("publishes nothing of a batch in which one is no event", async () => {
    const before = (await known()).length;
    const { status, body } = await send([event("x1"), { id: "x2" }], { "content-type": BATCH });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { message: expect.stringMatching(/^event 1: .*`source`/) } });
    expect(await known()).toHaveLength(before);
  });

  it("names the attributes that it does not keep", async () => {
    expect((await send(event("4", { traceparent: "00-1" }))).body).toMatchObject({ ignored: ["traceparent"] });
  });

  it.each([
    ["no JSON", "{", /no JSON/],
    ["no object", "[1]", /no JSON object/],
    ["nothing", "", /no JSON/],
    ["no id", event("", { id: undefined }), /`id`/],
    ["an empty type", event("5", { type: "" }), /`type`/],
    ["an id of another kind", event("5", { id: 5 }), /`id`: expected string/],
    ["a version that is not there yet", event("5", { specversion: "2.0" }), /`specversion`/],
    ["a time that is none", event("5", { time: "yesterday" }), /`time`/],
    ["a name in capitals", event("5", { Type: "x" }), /`Type`/],
    ["data in another form", event("5", { data_base64: "AA==" }), /data_base64/],
    ["data that are no JSON", event("5", { datacontenttype: "text/xml" }), /`datacontenttype`/],
    ["a control character", event("5", { subject: "a\u0000b" }), /`subject`: it has characters that are no text/],
    ["a depth without end", `${"[".repeat(5000)}${"]".repeat(5000)}`, /no JSON object/],
    ["data without end", event("5", { data: JSON.parse(`${"[".repeat(200)}${"]".repeat(200)}`) }), /nested deeper/],
  ])("refuses what has %s, in words", async (_, body, words) => {
    const answer = await send(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: "INVALID_INPUT", message: expect.stringMatching(words) } });
  });

  it("refuses whoever speaks in Baton's own name", async () => {
    expect(await send(event("6", { source: "baton", type: "run.dead" }))).toMatchObject({
      status: 403,
      body: { error: { code: "FORBIDDEN" } },
    });
  });

  it("refuses another form, and another method", async () => {
    expect((await send(event("7"), { "content-type": "text/plain" })).status).toBe(415);
    expect((await send(event("7"), { "content-type": "" })).status).toBe(415);
    expect((await fetch(`${open.url}/events`)).status).toBe(405);
  });

  it("refuses what is too large, said or not", async () => {
    const token = { authorization: "Bearer ann-token-1234" };
    const large = event("8", { data: "a".repeat(1000) });
    for (const headers of [token, { ...token, "transfer-encoding": "chunked" }])
      expect(await send(large, headers, guarded)).toMatchObject({
        status: 413,
        body: { error: { code: "TOO_LARGE" } },
      });
  });

  it("is shut to pages of other hosts, and to whoever shows no token where there are tokens", async () => {
    expect((await send(event("9"), { host: "evil.example" })).status).toBe(403);
    expect((await send(event("9"), { origin: "https://evil.example" })).status).toBe(403);
    expect((await send(event("9"), {}, guarded)).status).toBe(401);
    expect((await send(event("9"), { authorization: "Bearer wrong" }, guarded)).status).toBe(401);
    expect((await known()).map(({ id }) => id)).not.toContain("9");
  });

  it("publishes in the name of whose token is shown", async () => {
    expect((await send(event("10"), { authorization: "Bearer ann-token-1234" }, guarded)).status).toBe(202);
    expect((await known()).find(({ id }) => id === "10")).toMatchObject({ caller: "ann" });
  });

  it("takes nothing where the server is read-only", async () => {
    expect(await send(event("11"), {}, reading)).toMatchObject({ status: 403, body: { error: { code: "FORBIDDEN" } } });
  });
});
