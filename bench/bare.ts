import { spawnSync } from "node:child_process";
import type { Vendor } from "./vendor.ts";
import type { Took, Workload } from "./workloads.ts";

/** The bare SDK at the same work, in a process of its own. */
export function bare(vendor: Vendor, workload: Workload | "fan", mode: "plain" | "stream"): Took {
  const file = new URL("./bare.child.ts", import.meta.url).pathname;
  const { stdout, stderr } = spawnSync(process.execPath, [file, vendor.v1, workload, mode], { encoding: "utf8" });
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout) as Took;
}
