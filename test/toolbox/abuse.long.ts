import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import { fixture, isAlive, toolbox } from "./toolbox.ts";
import { until } from "./until.ts";

const open: { close(): Promise<void> }[] = [];
const opened = (...args: Parameters<typeof toolbox>) => {
  const box = toolbox(...args);
  open.push(box);
  return box;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((box) => box.close()));
});

/** The failure that something ends with. */
async function failure(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => new Error("it succeeded"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Failure);
  return error as Failure;
}

const hello = { text: "hello", is_error: false };

describe("a server that misbehaves harms nobody else", () => {
  it.each([
    [
      "hangs at its start",
      { ...fixture("rude", "hangs-at-start"), start_seconds: 1 },
      "had not answered after its 1 seconds",
    ],
    ["dies at its start", fixture("rude", "dies-at-start"), "exit code 7; the last it said: there is no database"],
    ["writes no messages", fixture("rude", "garbage-at-start"), "what is no message of the protocol"],
    ["is not there", { command: "no-such-program-anywhere" }, "there is no such program"],
    ["is no server", { command: process.execPath, args: ["-e", ""] }, "exit code 0"],
  ])("when it %s", async (_, settings, why) => {
    const box = opened({ bad: settings, good: fixture("rude") });
    const { tools, lacking } = await box.tools(["bad/*", "bad/echo", "good/echo"]);
    expect(tools.map(({ name }) => name)).toEqual(["good_echo"]);
    expect(lacking.map(({ grant }) => grant)).toEqual(["bad/*", "bad/echo"]);
    expect(lacking[0]?.why).toContain(why);
    expect(await box.call("good/echo", { text: "hello" })).toEqual(hello);
    expect(box.health().find(({ server }) => server === "bad")).toMatchObject({ last: expect.stringContaining(why) });
  });

  it.each([
    ["dies during a call", "die", "NETWORK", "exit code 3"],
    ["answers with 50 MB", "huge", "NETWORK", "a line of more than 16777216 bytes"],
    ["writes what is no message", "garbage", "NETWORK", "what is no message of the protocol"],
    ["floods", "flood", "NETWORK", "it floods"],
  ])("when it %s; and it is started again", async (_, tool, code, why) => {
    const box = opened({ bad: fixture("rude"), good: fixture("rude") });
    const failed = failure(box.call(`bad/${tool}`));
    expect(await box.call("good/echo", { text: "hello" })).toEqual(hello);
    expect(await failed).toMatchObject({ code, kind: "transient", message: expect.stringContaining(why) });
    expect(await box.call("bad/echo", { text: "hello" })).toEqual(hello);
  });

  it("when it floods stderr: it is heard out, and its answer comes", async () => {
    const box = opened({ bad: fixture("rude") });
    expect(await box.call("bad/stderr")).toEqual({ text: "said a lot", is_error: false });
  });

  it("when it dies again and again: it is left alone for a while that grows, and then tried again", async () => {
    let now = Date.now();
    const clock = {
      now: () => now,
      mono: () => now,
      after: (ms: number, back: () => void) => {
        const timer = setTimeout(back, ms);
        return () => clearTimeout(timer);
      },
    };
    const box = opened({ bad: fixture("rude", "dies-at-start") }, { clock });
    const ask = () => failure(box.call("bad/echo", { text: "a" }));
    expect((await ask()).code).toBe("NETWORK");
    expect((await ask()).code).toBe("NETWORK");
    const spared = await ask();
    expect(spared).toMatchObject({ code: "CIRCUIT_OPEN", kind: "transient", retryAfterMs: 1000 });
    expect(box.health().at(-1)).toMatchObject({ state: "resting", until: now + 1000 });
    now += 1000;
    expect((await ask()).code).toBe("NETWORK");
    expect((await ask()).retryAfterMs).toBe(2000);
  });

  it("when another's call has brought it down: who needs its tools a moment later waits for them, and has them", async () => {
    const box = opened({ bad: fixture("rude") });
    for (let i = 0; i < 2; i++) await failure(box.call("bad/die"));
    expect(box.health().find(({ server }) => server === "bad")).toMatchObject({ state: "resting" });
    const { tools, lacking } = await box.tools(["bad/echo"]);
    expect([tools.map(({ name }) => name), lacking]).toEqual([["bad_echo"], []]);
  });
});

describe("a call that has no end", () => {
  it("ends when its time is over, and says so if nobody knows whether it was done", async () => {
    const box = opened({ bad: { ...fixture("rude"), seconds: 0.3 } });
    const read = await failure(box.call("bad/hang"));
    expect(read).toMatchObject({ code: "TIMEOUT", kind: "transient" });
    expect(read.message).not.toContain("nobody knows");
    expect(read.options.hint).toContain("`mcp_servers.bad.tools.hang.seconds`");
    expect((await failure(box.call("bad/slowpay"))).message).toContain("nobody knows whether it was done");
    expect(await box.call("bad/echo", { text: "hello" })).toEqual(hello);
  });

  it.each(["rude", "modern"])(
    "is given up at once when it is cancelled, though the %s server does not care",
    async (name) => {
      const said: string[] = [];
      const hear = (fields: object) => void said.push(JSON.stringify(fields));
      const box = opened({ bad: fixture(name) }, { log: { debug: hear, info: hear, warn: hear, error: hear } });
      const stop = new AbortController();
      const call = failure(box.call("bad/hang", {}, { signal: stop.signal }));
      await until(() => said.some((fields) => fields.includes('"hanging"')));
      stop.abort(new Failure("CANCELLED", "the run was cancelled"));
      expect(await call).toMatchObject({ code: "CANCELLED", message: "the run was cancelled" });
      await until(() => said.some((fields) => fields.includes('"cancelled"')));
    },
  );

  it("is ended with its server, and all that it started, soon after it was given up; but not where others need it", async () => {
    const box = opened({ bad: fixture("rude") });
    const pid = Number((await box.call("bad/family")).text);
    const stop = new AbortController();
    const call = failure(box.call("bad/hang", {}, { signal: stop.signal }));
    stop.abort(new Failure("CANCELLED", "the run was cancelled"));
    await call;
    expect(await box.call("bad/echo", { text: "hello" })).toEqual(hello);
    expect(box.health().at(-1)).toMatchObject({ state: "up" });
    const again = new AbortController();
    const other = failure(box.call("bad/hang", {}, { signal: again.signal }));
    again.abort(new Failure("CANCELLED", "the run was cancelled"));
    await other;
    await until(() => !isAlive(pid));
    expect(box.health().at(-1)).toMatchObject({ state: "idle" });
    expect(await box.call("bad/echo", { text: "hello" })).toEqual(hello);
  });

  it("as the third in a row makes that the server is started anew", async () => {
    const box = opened({ bad: { ...fixture("rude"), tools: { hang: { seconds: 0.2 } } } });
    for (let i = 0; i < 3; i++) await failure(box.call("bad/hang"));
    expect(box.health().at(-1)).toMatchObject({ state: "idle", last: "3 calls in a row had no answer" });
    expect(await box.call("bad/echo", { text: "hello" })).toEqual(hello);
  });

  it("takes one of the turns of its server, and no more: others wait for theirs", async () => {
    const box = opened({ bad: { ...fixture("rude"), concurrency: 1, tools: { hang: { seconds: 0.5 } } } });
    await box.tools(["bad/*"]);
    const hanging = failure(box.call("bad/hang"));
    const waiting = box.call("bad/echo", { text: "hello" });
    const first = await Promise.race([hanging.then(() => "hanging"), waiting.then(() => "waiting")]);
    expect(first).toBe("hanging");
    expect(await waiting).toEqual(hello);
  });
});

describe("the end", () => {
  it("of a server takes its descendants along, those too that do not want to", async () => {
    const box = opened({ bad: fixture("rude"), worse: fixture("rude", "stays") });
    const pids = [Number((await box.call("bad/family")).text), Number((await box.call("worse/family")).text)];
    expect(pids.map(isAlive)).toEqual([true, true]);
    await box.close();
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect((await failure(box.call("bad/echo", { text: "a" }))).code).toBe("CANCELLED");
  });

  it("does not wait for a server that hangs at its start", async () => {
    const box = opened({ bad: fixture("rude", "hangs-at-start") });
    const asking = box.tools(["bad/*"]);
    await until(() => box.health().at(-1)?.state === "starting");
    await box.close();
    expect((await asking).lacking).toMatchObject([{ grant: "bad/*", why: expect.stringContaining("is closed") }]);
  });

  it("of a server that dies by itself takes its descendants along", async () => {
    const box = opened({ bad: fixture("rude") });
    const pid = Number((await box.call("bad/family")).text);
    await failure(box.call("bad/die"));
    await until(() => !isAlive(pid));
  });

  it("comes for a server that nobody has needed for five minutes; it is started again when it is needed", async () => {
    const due: { ms: number; back: () => void }[] = [];
    const clock = {
      now: Date.now,
      mono: () => performance.now(),
      after: (ms: number, back: () => void) => {
        if (ms >= 60_000) due.push({ ms, back });
        const timer = setTimeout(back, ms);
        return () => clearTimeout(timer);
      },
    };
    const box = opened({ calm: fixture("rude") }, { clock });
    await box.call("calm/echo", { text: "a" });
    expect(box.health().at(-1)).toMatchObject({ state: "up" });
    expect(due.at(-1)?.ms).toBe(300_000);
    due.at(-1)?.back();
    expect(box.health().at(-1)).toMatchObject({ state: "idle" });
    expect(await box.call("calm/echo", { text: "hello" })).toEqual(hello);
  });

  it("of Baton by SIGKILL is seen by its servers: their stdin ends", async () => {
    const holder = spawn(process.execPath, [new URL("fixtures/holder.child.ts", import.meta.url).pathname], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [told] = await once(holder.stdout, "data");
    const pid = Number(String(told));
    expect(isAlive(pid)).toBe(true);
    holder.kill("SIGKILL");
    await until(() => !isAlive(pid));
  });
});
