import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import { definePattern, type Pattern } from "../../src/core/pattern.ts";
import { patterns } from "../../src/patterns/index.ts";
import { makeRunWorkflow } from "../../src/workflows/run-workflow.ts";
import { eventually } from "../house.ts";
import { ROOT } from "../sources.ts";
import { openStage, type Stage } from "./stage.ts";

const FOLDER = join(ROOT, "examples", "templates");

/** The templates, all of them saved, with these settings beside. */
const openTemplates = (settings: Readonly<Record<string, string>> = {}, more?: Parameters<typeof openStage>[2]) =>
  openStage("templates", { BATON_WORKFLOWS: JSON.stringify([FOLDER]), BATON_REHEARSAL: "true", ...settings }, more);

interface Listed {
  readonly run_id: string;
  readonly status: string;
}

/** The runs that a workflow's own subscriptions have begun. */
async function begunBy(stage: Stage, workflow: string): Promise<readonly Listed[]> {
  const { data } = await stage.call("list_runs", { query: `subscription:${workflow}/on` });
  return data["runs"] as readonly Listed[];
}

const ended = async (stage: Stage, workflow: string): Promise<boolean> =>
  (await begunBy(stage, workflow)).some(({ status }) => status === "succeeded");

describe("templates that events start", () => {
  test.each([
    ["order.placed", { order: "4711", items: ["bell"] }, { do: "reserve", order: "4711", items: ["bell"] }],
    ["order.paid", { order: "4711", address: "Basel" }, { do: "label", order: "4711", to: "Basel" }],
    ["order.shipped", { order: "4711", address: "Basel" }, { do: "mail", order: "4711" }],
  ])("%s makes a run of order-events that does what follows from it", async (type, payload, output) => {
    await using stage = await openTemplates();
    await stage.call("publish_event", { type, payload });
    await eventually(() => ended(stage, "order-events"));
    const [run] = await begunBy(stage, "order-events");
    expect((await stage.call("get_run", { run_id: run?.run_id })).data.output).toMatchObject(output);
  });

  test("the watcher puts a dead run back into the queue once", async () => {
    await using stage = await openTemplates({}, { patterns: [...patterns, deadly, makeRunWorkflow(patterns)] });
    const { data } = await stage.call("deadly", { task: "t", wait_seconds: 10 });
    expect(data).toMatchObject({ status: "dead" });
    await eventually(() => ended(stage, "watcher"));
    await eventually(async () => (await stage.run(data.run_id)).generation === 2);
    await eventually(async () => (await stage.run(data.run_id)).status === "dead");
    expect(await begunBy(stage, "watcher")).toHaveLength(1);
  });

  test("the watcher tries a run again that failed since its provider was spared", async () => {
    let ahead = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + ahead };
    await using stage = await openTemplates({ BATON_BREAKER__FAILURES: "1" }, { clock });
    const bad = { faults: [{ agent: "writer", calls: 1, code: "unauthorized" }] };
    await stage.call("run_agent", { agent: "writer", task: "t", rehearsal: bad });
    const { data } = await stage.call("run_agent", { agent: "critic", task: "t", wait_seconds: 10 });
    expect(data).toMatchObject({ status: "failed", error: { code: "CIRCUIT_OPEN" } });
    await eventually(async () => (await begunBy(stage, "watcher"))[0]?.status === "waiting");
    // Half a minute later somebody asks the provider again, and it answers.
    ahead = 31_000;
    await stage.call("run_agent", { agent: "judge", task: "t", wait_seconds: 10 });
    await eventually(async () => (await stage.run(data.run_id)).status === "succeeded");
  });
});

/** A pattern of somebody's with a mistake in it. */
const deadly: Pattern = definePattern({
  name: "deadly",
  version: 1,
  title: "Deadly",
  description: "Never ends well.",
  input: z.strictObject({ task: z.string() }),
  output: z.unknown(),
  subject: "task",
  agents: () => [],
  run: () => Promise.reject(new TypeError("a mistake of its author")),
}) as Pattern;
