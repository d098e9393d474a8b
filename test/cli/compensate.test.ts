import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { compensateRun } from "../../src/cli/compensate.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { end, line, played, REAL_CLOCK } from "../store/kit.ts";
import { temporaryHome } from "./server-process.ts";

vi.setConfig({ testTimeout: 60_000 });

const { home, remove } = temporaryHome();
beforeEach(() => vi.stubEnv("BATON_REHEARSAL", "true"));
afterEach(() => {
  vi.unstubAllEnvs();
  remove();
});

function at(...says: string[]): Terminal & { readonly text: () => string } {
  const read: string[] = [];
  return {
    isPerson: says.length > 0,
    text: () => read.join("\n"),
    say: (text) => void read.push(text),
    ask: async (question) => {
      read.push(question);
      return says.shift() ?? "";
    },
  };
}

const DID = { does: "http", input: { method: "POST", url: "http://x.test/a" } };

/** A run that has done one thing that can be taken back, and one that cannot. */
async function failed(): Promise<string> {
  const store = await openStore({ home, clock: REAL_CLOCK });
  const fence = await played(store);
  const compensate = { does: "http", input: { method: "DELETE", url: "http://x.test/a/{{ output }}" }, values: {} };
  const claim = (key: string, more = {}) => ({ kind: "choice" as const, print: key, value: { ...DID, key, ...more } });
  await store.write(fence, [
    line(1, { place: "order/~claim", ...claim("k1", { compensate }) }),
    line(2, { place: "order", kind: "choice", print: "k1", value: 7 }),
    line(3, { place: "mail/~claim", ...claim("k2") }),
    line(4, { place: "mail", kind: "choice", print: "k2", value: "sent" }),
    end("failed"),
  ]);
  await store.close();
  return fence.run;
}

async function undoings(run: string): Promise<number> {
  const store = await openStore({ home, clock: REAL_CLOCK });
  const found = await store.undoings(run);
  await store.close();
  return found.length;
}

it("says first what would be taken back and what stays, and does nothing without a yes", async () => {
  const run = await failed();
  const no = at("no");
  await compensateRun(run, { home }, no);
  expect(no.text()).toContain("1 step would be taken back, in this order:");
  expect(no.text()).toContain('taken back by http {"method":"DELETE","url":"http://x.test/a/7"}');
  expect(no.text()).toContain("stays, since nothing says how it is taken back: mail");
  expect(no.text()).toContain("Nothing was done.");
  await expect(compensateRun(run, { home }, at())).rejects.toMatchObject({ code: "INVALID_INPUT" });
  expect(await undoings(run)).toBe(0);
});

it("has it taken back by a run of its own, once", async () => {
  const run = await failed();
  const yes = at("yes");
  await compensateRun(run, { home }, yes);
  expect(yes.text()).toMatch(/Run r_\w{26} takes it back/);
  await compensateRun(run, { home, yes: true }, at());
  expect(await undoings(run)).toBe(1);
});
