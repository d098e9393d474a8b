import { readFileSync } from "node:fs";
import { discard, makeHome, openServer, type Server } from "./baton.ts";
import { median, startVendor } from "./vendor.ts";
import { MODEL, TASK } from "./workloads.ts";

const agent = `stub/${MODEL}`;
const STEPS = 1000;
const MB = 1024;

const pipeline = {
  task: TASK,
  steps: Array.from({ length: STEPS }, (_, i) => ({ agent, name: `n${i}` })),
  wait_seconds: 100,
};

const chain = {
  definition: {
    nodes: Object.fromEntries(
      Array.from({ length: STEPS }, (_, i) => [
        `n${i}`,
        { agent, task: i === 0 ? TASK : `${TASK} {{ nodes.n${i - 1}.output }}` },
      ]),
    ),
  },
  wait_seconds: 100,
};

const map = {
  definition: {
    inputs: { items: { type: "array" } },
    nodes: { each: { map: { over: "inputs.items", nodes: { say: { agent, task: `${TASK} {{ item }}` } } } } },
  },
  inputs: { items: Array.from({ length: STEPS }, (_, i) => `item ${i}`) },
  wait_seconds: 100,
};

async function within<T>(vendor: string, use: (server: Server) => Promise<T>, lanes?: number): Promise<T> {
  const home = makeHome(vendor, lanes);
  const server = await openServer(home);
  try {
    await server.call("run_agent", { agent, task: "warm" });
    return await use(server);
  } finally {
    await server.close();
    discard(home);
  }
}

async function took(server: Server, tool: string, args: Record<string, unknown>): Promise<number> {
  const began = performance.now();
  const { status } = await server.call(tool, args);
  if (status !== "succeeded") throw new Error(`${tool} ended ${status}`);
  return performance.now() - began;
}

/** A graph of 1,000 agents in a chain, against a pipeline of 1,000 steps, each in a process of its own. */
export async function graph(rounds: number): Promise<string> {
  const vendor = await startVendor({ reply: {} });
  const ours: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < rounds; round++) {
    plain.push(await within(vendor.v1, (server) => took(server, "run_pipeline", pipeline)));
    ours.push(await within(vendor.v1, (server) => took(server, "run_workflow", chain)));
  }
  vendor.stop();
  const [g, p] = [median(ours), median(plain)];
  return `a graph of ${STEPS} nodes ${g.toFixed(0)} ms, a pipeline of as many steps ${p.toFixed(0)} ms: ${(g / p).toFixed(2)}`;
}

const peak = (pid: number, what: "VmHWM" | "VmRSS"): number =>
  Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / MB;

/** What a map over 1,000 items adds to the process at its peak, with as many lanes as there are when nothing is said. */
export async function mapMemory(rounds: number): Promise<string> {
  const vendor = await startVendor({ reply: { latency_ms: 20 } });
  const all: number[] = [];
  for (let round = 0; round < rounds; round++)
    all.push(
      await within(
        vendor.v1,
        async (server) => {
          const idle = peak(server.pid, "VmRSS");
          await took(server, "run_workflow", map);
          return peak(server.pid, "VmHWM") - idle;
        },
        16,
      ),
    );
  vendor.stop();
  return `a map over ${STEPS} items adds ${median(all).toFixed(0)} MB to the resident set at its peak`;
}
