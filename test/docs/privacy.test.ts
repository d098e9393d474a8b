import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { baton, temporaryHome } from "../cli/server-process.ts";
import { ROOT } from "../sources.ts";
import { startVendor } from "../stub/vendor.ts";

const WATCH = pathToFileURL(`${ROOT}/test/docs/network.child.ts`).href;
const TASK = ["run", "run_agent", "--agent", "writer", "--task", "Say what a baton is."];
const { home, remove } = temporaryHome();
afterAll(remove);

/** Runs a command in a process of its own, and tells every connection that it opened. */
async function connections(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string[]> {
  const { stderr, code } = await baton(args, home, { NODE_OPTIONS: `--import=${WATCH}`, ...env });
  expect(code, stderr).toBe(0);
  return [...stderr.matchAll(/^connects to (.*)$/gm)].map(([, target = ""]) => target);
}

describe("what Baton talks to", { timeout: 60_000 }, () => {
  it("is nobody at all while it rehearses", async () => {
    expect(await connections(TASK, { BATON_REHEARSAL: "true" })).toEqual([]);
  });

  it("is the model that is named, and nobody else", async () => {
    const vendor = await startVendor({ script: () => ({ text: "A baton is a stick." }) });
    const providers = JSON.stringify({ stub: { type: "openai", base_url: vendor.v1, free: true } });
    const named = { BATON_REHEARSAL: "", BATON_MODEL: "stub/model", BATON_PROVIDERS: providers };
    const found = await connections(TASK, named);
    await vendor.close();
    expect(new Set(found)).toEqual(new Set([new URL(vendor.origin).host]));
  });

  it("is this machine alone where it looks for a model, since none is named and there is no key", async () => {
    const found = await connections(["runs"], { BATON_REHEARSAL: "" });
    expect(found.length).toBeGreaterThan(0);
    for (const target of found) expect(target).toMatch(/^127\.0\.0\.1:/);
  });
});
