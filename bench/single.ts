import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { bare } from "./bare.ts";
import { discard, makeHome, openServer, type Server } from "./baton.ts";
import { median, startVendor } from "./vendor.ts";
import { MODEL, TASK, type Took, timed } from "./workloads.ts";

const agent = `stub/${MODEL}`;
const ms = (n: number) => `${n.toFixed(0)} ms`;
const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

async function repeat(rounds: number, once: () => Promise<number>): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < rounds; i++) all.push(await once());
  return median(all);
}

async function withServer<T>(vendor: string, use: (server: Server) => Promise<T>, lanes?: number): Promise<T> {
  const home = makeHome(vendor, lanes);
  const server = await openServer(home);
  try {
    return await use(server);
  } finally {
    await server.close();
    discard(home);
  }
}

/** A fan-out of 100 calls of 50 ms at 16 lanes, against what the lanes allow at best, and beside the bare SDK. */
export async function idealFanOut(rounds: number): Promise<string> {
  const vendor = await startVendor({ reply: { latency_ms: 50 } });
  const items = Array.from({ length: 100 }, (_, i) => `${i}`);
  const fanOut = (server: Server) => server.call("fan_out", { task: TASK, agent, items, wait_seconds: 60 });
  const ours: Took[] = [];
  const peer: Took[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await withServer(vendor.v1, (server) => timed("fan", () => fanOut(server)), 16));
    peer.push(bare(vendor, "fan", "stream"));
  }
  vendor.stop();
  const ideal = Math.ceil(100 / 16) * 50;
  const tell = (all: readonly Took[], when: keyof Took) => {
    const time = median(all.map((took) => took[when]));
    return `${ms(time)} (${(time / ideal).toFixed(2)})`;
  };
  const told = (all: readonly Took[]) => `${tell(all, "warm")}, first ${tell(all, "first")}`;
  return `100 calls of 50 ms at 16 lanes, ideal ${ms(ideal)}: Baton ${told(ours)}; SDK, streaming ${told(peer)}`;
}

/** From starting the process to the first result of a tool call, on a new store. */
export async function coldStart(rounds: number): Promise<string> {
  const vendor = await startVendor({ reply: {} });
  const time = await repeat(rounds, async () => {
    const began = performance.now();
    return withServer(vendor.v1, async (server) => {
      await server.call("run_agent", { agent, task: TASK });
      return performance.now() - began;
    });
  });
  vendor.stop();
  return `process start to first result through MCP ${ms(time)}`;
}

interface Struck {
  readonly home: string;
  readonly run: string;
  readonly other: Server;
}

/** A server is killed in the middle of a call; another one on the same file lives. */
async function strike(vendor: string, lives: boolean): Promise<Struck & { readonly at: number }> {
  const home = makeHome(vendor);
  const other = await openServer(home);
  if (lives) await other.call("list_runs", {});
  const server = await openServer(home);
  const { run_id } = await server.call("run_agent", { agent, task: `${TASK} ${Math.random()}`, wait_seconds: 0.3 });
  const at = performance.now();
  process.kill(server.pid, "SIGKILL");
  return { home, run: String(run_id), other, at };
}

/** From the kill to the result, told by the server that lived. */
export async function takeover(rounds: number): Promise<string> {
  const time = await repeat(rounds, async () => {
    const vendor = await startVendor({ calls: "1", reply: { latency_ms: 60_000 } }, { reply: {} });
    const { home, run, other, at } = await strike(vendor.v1, true);
    await other.call("get_run", { run_id: run, wait_seconds: 20 });
    const time = performance.now() - at;
    await other.close();
    vendor.stop();
    discard(home);
    return time;
  });
  return `kill -9 to the result on a second live server ${ms(time)}`;
}

/** From starting a process to the result of a run that a killed one had left behind; a second server on the file sleeps. */
export async function recovery(rounds: number): Promise<string> {
  const time = await repeat(rounds, async () => {
    const vendor = await startVendor({ calls: "1", reply: { latency_ms: 60_000 } }, { reply: {} });
    const { home, run, other } = await strike(vendor.v1, false);
    const began = performance.now();
    const fresh = await openServer(home);
    await fresh.call("get_run", { run_id: run, wait_seconds: 20 });
    const time = performance.now() - began;
    await fresh.close();
    await other.close();
    vendor.stop();
    discard(home);
    return time;
  });
  return `process start to the result of an interrupted run ${ms(time)}`;
}

/** What a run of 300 steps leaves on disk, for each byte that was said and answered. */
export async function storage(): Promise<string> {
  const text = "x".repeat(2000);
  const vendor = await startVendor({ reply: { text: `answer ${text}` } });
  const home = makeHome(vendor.v1);
  const server = await openServer(home);
  const steps = Array.from({ length: 300 }, (_, i) => ({ agent, name: `s${i}` }));
  const sized = (file: string) => statSync(join(home, "store", file)).size;
  await server.call("run_agent", { agent, task: "warm" });
  await server.call("run_pipeline", { task: `begin`, steps, wait_seconds: 60 });
  await server.close();
  const stored = readdirSync(join(home, "store"))
    .filter((file) => file.startsWith("baton.db"))
    .map(sized);
  const bytes = stored.reduce((a, b) => a + b, 0);
  vendor.stop();
  discard(home);
  const [asked, answered] = [2007 + 60, 2007];
  const ratio = (payload: number) => (bytes / (300 * payload)).toFixed(2);
  return `${(bytes / 300 / 1024).toFixed(2)} KiB a step of 300 steps of 2 KB: ${ratio(answered)} x the answers, ${ratio(asked + answered)} x what is asked and answered`;
}

const rss = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;

/** What 200 runs that are being played add to the process. */
export async function memory(): Promise<string> {
  const vendor = await startVendor({ calls: "1", reply: {} }, { reply: { latency_ms: 3000 } });
  const text = await withServer(vendor.v1, async (server) => {
    await server.call("run_agent", { agent, task: TASK });
    const before = rss(server.pid);
    const one = () => server.call("run_pipeline", { task: TASK, steps: [{ agent }, { agent }], wait_seconds: 1 });
    await Promise.all(Array.from({ length: 200 }, one));
    return `${((rss(server.pid) - before) / 200).toFixed(2)} MB a live run (200 at once, resident set of the process)`;
  });
  vendor.stop();
  return text;
}

/** From the call of control_run to the vendor seeing its socket close. */
export async function cancel(rounds: number): Promise<string> {
  const vendor = await startVendor({ reply: { latency_ms: 30_000 } });
  const time = await withServer(vendor.v1, async (server) => {
    const once = async () => {
      const { run_id } = await server.call("run_agent", { agent, task: `${TASK} ${Math.random()}`, wait_seconds: 0.3 });
      const began = performance.now();
      await server.call("control_run", { run_id, action: "cancel" });
      for (;;) {
        const { open } = (await (await fetch(`${vendor.origin}/__journal`)).json()) as { open: number };
        if (open === 0) return performance.now() - began;
        await pause(1);
      }
    };
    return repeat(rounds, once);
  });
  vendor.stop();
  return `cancel to the vendor's closed socket ${ms(time)}`;
}

/** What the menu costs a client: name, description and inputSchema of each tool, and the whole list beside it. */
export async function menu(): Promise<string> {
  const vendor = await startVendor({ reply: {} });
  const tools = await withServer(vendor.v1, (server) => server.list());
  vendor.stop();
  const short = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  const tokens = (value: unknown) => encode(JSON.stringify(value)).length;
  return `${tools.length} tools, ${tokens(short)} tokens (o200k); the whole list ${tokens(tools)}`;
}
