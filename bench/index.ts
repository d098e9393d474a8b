import { bare } from "./bare.ts";
import { discard, makeHome, openServer, play } from "./baton.ts";
import { earlyStop } from "./early-stop.ts";
import { graph, mapMemory } from "./graphs.ts";
import { cancel, coldStart, idealFanOut, memory, menu, recovery, storage, takeover } from "./single.ts";
import { median, startVendor, type Vendor } from "./vendor.ts";
import { type Took, timed, WORKLOADS, type Workload } from "./workloads.ts";

// Everything side by side in one run, interleaved: read the ratios, not the milliseconds.
const only = process.argv.slice(2);
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
const wanted = (name: string) => only.length === 0 || only.includes(name);
const say = (line: string) => process.stdout.write(`${line}\n`);

async function baton(vendor: Vendor, workload: Workload): Promise<Took> {
  const home = makeHome(vendor.v1, workload === "W2" ? 16 : 256);
  const server = await openServer(home);
  try {
    return await timed(workload, () => play[workload](server));
  } finally {
    await server.close();
    discard(home);
  }
}

const STEPS: Record<Workload, number> = { W1: 10, W2: 101, W3: 4, W4: 1000 };

async function compare(workload: Workload): Promise<void> {
  const vendor = await startVendor({ reply: workload === "W3" ? { text: undefined } : {} });
  const ours: Took[] = [];
  const plain: Took[] = [];
  const streamed: Took[] = [];
  for (let round = 0; round < rounds; round++) {
    plain.push(bare(vendor, workload, "plain"));
    ours.push(await baton(vendor, workload));
    streamed.push(bare(vendor, workload, "stream"));
  }
  vendor.stop();
  for (const when of ["warm", "first"] as const) {
    const typical = (all: readonly Took[]) => median(all.map((took) => took[when]));
    const [o, p, s] = [typical(ours), typical(plain), typical(streamed)];
    const step = (o - p) / STEPS[workload];
    say(
      `${when.padEnd(5)}  Baton ${o.toFixed(1)} ms  SDK ${p.toFixed(1)} ms  SDK streaming ${s.toFixed(1)} ms  ` +
        `ratio ${(o / p).toFixed(2)} (streaming ${(o / s).toFixed(2)})  ${step >= 0 ? "+" : ""}${step.toFixed(2)} ms a step`,
    );
  }
}

say(`node ${process.version}, medians of ${rounds}, full sync, trace and budgets on, through MCP over stdio`);
for (const [workload, what] of Object.entries(WORKLOADS)) {
  if (!wanted(workload)) continue;
  say(`\n${workload}: ${what}`);
  await compare(workload as Workload);
}
const singles = {
  fan: idealFanOut,
  cold: coldStart,
  recovery,
  takeover,
  storage,
  memory,
  cancel,
  menu,
  graph,
  map: mapMemory,
  "early-stop": earlyStop,
};
for (const [name, measure] of Object.entries(singles)) if (wanted(name)) say(`\n${name}: ${await measure(rounds)}`);
