// A server whose one run writes into memory. It is killed at a chosen commit; the next one takes the run up.
import { dirname } from "node:path";
import { z } from "zod";
import { readConfig } from "../../src/config.ts";
import { definePattern } from "../../src/core/pattern.ts";
import { openBaton } from "../../src/server.ts";

const [home = "", killAfter = "", caller = "ann"] = process.argv.slice(2);
const MAY = { read: ["*"], write: ["count/*"] };

const remembering = definePattern({
  name: "remembering",
  version: 1,
  title: "Remembering",
  description: "Writes three times.",
  input: z.strictObject({}),
  output: z.unknown(),
  subject: "task",
  agents: () => [],
  async run(ctx) {
    const told: unknown[] = [];
    for (const n of [1, 2, 3]) {
      const input = { op: "write", key: "count/n", value: `write ${n}`, may: MAY, agent: "counter@1" };
      told.push(await ctx.act("memory", { does: "memory", input, effect: { idempotent: true } }));
    }
    return told;
  },
});

let commits = 0;
const config = readConfig({ cwd: dirname(home), env: {}, overrides: { home, log: "silent", rehearsal: true } });
const baton = await openBaton(config, {
  env: {},
  patterns: [remembering],
  afterCommit: () => {
    if (++commits === Number(killAfter)) process.kill(process.pid, "SIGKILL");
  },
});
const started = { pattern: remembering, input: {}, caller, idempotency: { key: "once", hash: "same" } };
const { run } = await baton.engine.start(started);
const ended = await baton.engine.wait(run.id, 15_000);
const history = await baton.store.remembered.history(caller, "count/n");
process.stdout.write(
  `${JSON.stringify({ status: ended.status, output: ended.output, error: ended.error, history, commits })}\n`,
);
await baton.close(0);
