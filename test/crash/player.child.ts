import { hash } from "node:crypto";
import { dirname } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config.ts";
import type { Clock } from "../../src/core/clock.ts";
import { Failure } from "../../src/core/errors.ts";
import { openBaton } from "../../src/server.ts";
import type { Message, Orders, Setup, Wish } from "./orders.ts";

// A whole Baton in a process of its own. A test tells it over IPC what to do, and kills or stops it.
const setup = JSON.parse(process.argv[2] ?? "{}") as Setup;
let off = setup.clock_off_ms ?? 0;
let fatal = setup.kill_after ?? Number.POSITIVE_INFINITY;
let skipped = 0;
let commits = 0;
let freezing = false;

const clock: Clock = {
  ...systemClock,
  now: () => systemClock.now() + off,
  mono() {
    // The store reads this clock while its transaction is open.
    if (freezing && new Error().stack?.includes("commits.ts")) {
      freezing = false;
      process.kill(process.pid, "SIGSTOP");
    }
    return systemClock.mono() + skipped;
  },
};

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();

const config = readConfig({
  cwd: dirname(setup.home),
  env: {},
  overrides: {
    home: setup.home,
    model: "openai/stub-model",
    agents: setup.agents === undefined ? [] : [setup.agents],
    ...(setup.mcp_servers && { mcp_servers: setup.mcp_servers }),
    ...(setup.hosts && { hosts: [...setup.hosts] }),
    log: "error",
    providers: { openai: { base_url: setup.vendor, api_key_env: "STUB_KEY", concurrency: 64, ...setup.provider } },
    ...(setup.breaker && { breaker: setup.breaker }),
    prices: { "openai/stub-model": { input_per_mtok: 1, output_per_mtok: 4 } },
    limits: { max_output_tokens: 1000, ...setup.limits },
    budgets: { run: { usd: 5 }, run_max: { usd: 50 }, day: { usd: 1000 }, caller: { usd: 1000 }, ...setup.budgets },
  },
});

const baton = await openBaton(config, {
  env: setup.keyless ? {} : { STUB_KEY: "not-a-key" },
  clock,
  ...(setup.lease_ms !== undefined && { leaseMs: setup.lease_ms }),
  afterCommit: () => {
    commits++;
    if (commits >= fatal) process.kill(process.pid, "SIGKILL");
  },
});

function start({ pattern: name, input, caller = "local", key, budget }: Wish) {
  const pattern = baton.patterns.find((known) => known.name === name);
  if (!pattern) throw new Error(`no pattern ${name}`);
  const idempotency = key === undefined ? undefined : { key, hash: hash("sha256", JSON.stringify(input)) };
  return baton.engine.start({
    pattern,
    input: pattern.input.parse(input),
    caller,
    ...(idempotency && { idempotency }),
    ...(budget && { budget }),
  });
}

type Obeyed = { [K in keyof Orders]: (asked: never) => ReturnType<Orders[K]> | Promise<ReturnType<Orders[K]>> };

const orders: Obeyed = {
  async start(wish: Wish) {
    const { run, existed } = await start(wish);
    return { id: run.id, existed };
  },
  awaken() {
    baton.engine.awaken();
    return null;
  },
  wait: ({ id, ms }: { id: string; ms: number }) => baton.engine.wait(id, ms),
  async cancel(id: string) {
    const run = await baton.store.cancel(id);
    baton.engine.nudge(id);
    return run;
  },
  async answer({ id, value }: { id: string; value: unknown }) {
    const { waiting } = await baton.store.progress(id);
    for (const { place } of waiting) await baton.store.decide(id, place, { how: "answered", value }, "a person");
    baton.engine.nudge(id);
    return null;
  },
  async decide({ id, how }: { id: string; how: "approved" | "rejected" }) {
    const [wait] = (await baton.store.progress(id)).waiting;
    if (!wait) throw new Error(`${id} waits for nobody`);
    const bound = wait.approval === undefined ? {} : { approval: wait.approval };
    await baton.store.decide(id, wait.place, { how, ...bound }, "a person");
    baton.engine.nudge(id);
    return wait.place;
  },
  commits: () => commits,
  killAfter(more: number) {
    fatal = commits + more;
    return null;
  },
  freezeInTransaction() {
    freezing = true;
    return null;
  },
  setClock(off_ms: number) {
    off = off_ms;
    return null;
  },
  skip(ms: number) {
    skipped += ms;
    return null;
  },
  async longestBlock() {
    // A block that has just ended is seen a moment later.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const longest = delay.max / 1e6;
    delay.reset();
    return longest;
  },
  async stop(grace_ms: number) {
    await baton.close(grace_ms);
    setImmediate(() => process.disconnect());
    return null;
  },
};

async function obey({ nr, order, with: asked }: Message): Promise<void> {
  try {
    process.send?.({ nr, told: await orders[order](asked as never) });
  } catch (error) {
    const { code, message } = Failure.from(error);
    process.send?.({ nr, code, message });
  }
}

process.on("message", (message) => void obey(message as Message));
process.on("disconnect", () => process.exit(0));
process.send?.({ nr: 0, told: null });
