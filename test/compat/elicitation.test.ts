import { Client as Client2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as Stdio2 } from "@modelcontextprotocol/client/stdio";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Listening } from "../../src/http/listen.ts";
import type { Envelope } from "../../src/tools/envelope.ts";
import { CLI, environment, temporaryHome } from "../cli/server-process.ts";
import { serving } from "../http/serving.ts";
import { rooms } from "../tools/rooms.ts";

vi.setConfig({ testTimeout: 60_000 });

/** What a client's user is shown, and what they do. */
interface Shown {
  readonly message: string;
  readonly requestedSchema?: { readonly properties?: object; readonly required?: readonly string[] };
}
type User = (shown: Shown) => object | Promise<object>;

interface Asked {
  call(name: string, args: object): Promise<Envelope>;
  close(): Promise<void>;
}

type Connect = (user: User, capabilities?: object) => Promise<Asked>;

const house = rooms();
const { home, remove } = temporaryHome();
let http: Listening;

beforeAll(async () => {
  http = await serving(house);
});

afterAll(async () => {
  await http.close();
  await house.close();
  remove();
});

const INFO = { name: "test", version: "1.0.0" };
const FORM = { elicitation: { form: {} } };
const stdio = () =>
  new Stdio2({ command: process.execPath, args: [CLI, "serve"], env: environment(home, { BATON_LOG: "error" }) });

const current =
  (mode: "auto" | "legacy", over: "HTTP" | "stdio"): Connect =>
  async (user, capabilities = FORM) => {
    const client = new Client2(INFO, { capabilities, versionNegotiation: { mode } });
    if ("elicitation" in capabilities)
      client.setRequestHandler("elicitation/create", async ({ params }) => (await user(params as Shown)) as never);
    await client.connect(over === "HTTP" ? new Http2(new URL(`${http.url}/mcp`)) : stdio());
    return {
      call: async (name, args) =>
        (await client.callTool({ name, arguments: { ...args } })).structuredContent as Envelope,
      close: () => client.close(),
    };
  };

const former: Connect = async (user, capabilities = { elicitation: {} }) => {
  const client = new Client1(INFO, { capabilities });
  if ("elicitation" in capabilities)
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => (await user(params as Shown)) as never);
  const transport = new Http1(new URL(`${http.url}/mcp`));
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  return {
    call: async (name, args) => (await client.callTool({ name, arguments: { ...args } })).structuredContent as Envelope,
    close: () => client.close(),
  };
};

const CONNECTS: Readonly<Record<string, Connect>> = {
  "2026-07-28 over HTTP": current("auto", "HTTP"),
  "2026-07-28 over stdio": current("auto", "stdio"),
  "2025-11-25 over HTTP": current("legacy", "HTTP"),
  "2025-11-25 over stdio": current("legacy", "stdio"),
  "the client before it": former,
};

const pay = (more: object = {}) => ({
  ok: {
    wait: { approval: "Pay Ada?", action: { name: "pay", arguments: { sum: 5 } } },
    high_risk: true,
    ...more,
  },
});
const flow = (nodes: object) => ({ definition: { nodes } });
const accept = (content: object) => ({ action: "accept", content });

describe.each(Object.entries(CONNECTS))("a user whose client speaks %s", (name, connect) => {
  const hasNoSession = name === "2026-07-28 over HTTP";

  it("is asked while the call waits, sees what is to be done, and the call goes on with the run", async () => {
    const seen: Shown[] = [];
    const client = await connect((shown) => {
      seen.push(shown);
      return accept({ decision: "approve", note: "fine" });
    });
    const told = await client.call("run_workflow", flow(pay()));
    expect(told).toMatchObject({ status: "succeeded", output: { sum: 5 } });
    expect(seen).toHaveLength(1);
    for (const word of ["high risk", "Pay Ada?", "pay", '"sum": 5']) expect(seen[0]?.message).toContain(word);
    expect(seen[0]?.requestedSchema).toMatchObject({ properties: { decision: { enum: ["approve", "reject"] } } });
    await client.close();
  });

  it("answers several questions, one after another", async () => {
    const answers = [accept({ answer: "blue" }), accept({ answer: 7 }), accept({ decision: "reject", note: "no" })];
    const client = await connect(() => answers.shift() ?? { action: "cancel" });
    const told = await client.call(
      "run_workflow",
      flow({
        a: { wait: { answer: "Colour?" } },
        b: { wait: { answer: "How many?" }, output_schema: { type: "integer" }, after: ["a"] },
        c: { wait: { approval: "{{ nodes.a.output }} {{ nodes.b.output }}" } },
      }),
    );
    expect(told).toMatchObject({ status: "failed", error: { message: expect.stringContaining("no") } });
    await client.close();
  });

  it.each(["decline", "cancel"])(
    "who does not answer (%s) leaves the run waiting, and is not asked again",
    async (action) => {
      let times = 0;
      const client = await connect(() => {
        times++;
        return { action };
      });
      const told = await client.call("run_workflow", flow(pay()));
      expect(told).toMatchObject({ status: "waiting", waiting_for: { by: "person" } });
      const again = await client.call("get_run", { run_id: told.run_id, wait_seconds: 1 });
      expect(again.status).toBe("waiting");
      expect(times).toBe(1);
      await client.close();
    },
  );

  it("whose answer does not fit is told so, and nothing is decided", async () => {
    const client = await connect(() => accept({ answer: "many" }));
    const told = await client.call(
      "run_workflow",
      flow({ n: { wait: { answer: "How many?" }, output_schema: { type: "array" } } }),
    );
    expect(told).toMatchObject({ status: "waiting", note: expect.stringContaining("not taken") });
    await client.close();
  });

  it("is not asked by a client that cannot", async () => {
    const client = await connect(() => accept({ decision: "approve" }), {});
    expect(await client.call("run_workflow", flow(pay()))).toMatchObject({ status: "waiting" });
    await client.close();
  });

  it.each([
    ["what cannot be shown whole", { approval: "x".repeat(7000) }],
    ["what is left to named approvers", { approval: "Pay?", approvers: ["ada"] }],
  ])("is not asked %s", async (_, wait) => {
    let times = 0;
    const client = await connect(() => {
      times++;
      return accept({ decision: "approve" });
    });
    const told = await client.call("run_workflow", flow({ ok: { wait } }));
    expect(told.status).toBe("waiting");
    expect(times).toBe(0);
    await client.close();
  });

  it("is not asked two things at once, and what is decided elsewhere meanwhile stands", async () => {
    const seen: string[] = [];
    let release = () => {};
    const pause = new Promise<void>((resolve) => {
      release = resolve;
    });
    const client = await connect(async ({ message }) => {
      seen.push(message);
      await pause;
      return accept({ decision: "approve" });
    });
    const first = client.call("run_workflow", flow(pay()));
    await vi.waitFor(() => expect(seen).toHaveLength(1), 10_000);
    // Over HTTP a client of 2026 has no session: it is told of both, and asks as it likes.
    if (!hasNoSession) expect((await client.call("run_workflow", flow(pay()))).status).toBe("waiting");
    const [run_id] = /r_\w+/.exec(seen[0] ?? "") ?? [];
    await client.call("control_run", { run_id, action: "cancel" });
    release();
    expect(await first).toMatchObject({ status: "cancelled", note: expect.stringContaining("not taken") });
    expect(seen).toHaveLength(1);
    await client.close();
  });
});
