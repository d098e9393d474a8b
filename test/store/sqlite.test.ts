import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe } from "vitest";
import type { Subscription } from "../../src/core/event.ts";
import type { MemorySettings } from "../../src/core/memory.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { type Opened, storeContract } from "./contract.ts";
import { FakeClock } from "./kit.ts";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function open(known: readonly Subscription[] = [], memory?: MemorySettings): Promise<Opened> {
  const home = mkdtempSync(join(tmpdir(), "baton-store-"));
  const clock = new FakeClock();
  const options = { home, clock, subscriptions: () => known, ...(memory && { memory }) };
  const store = await openStore(options);
  const other = await openStore(options);
  closing.push(async () => {
    await store.close();
    await other.close();
    rmSync(home, { recursive: true });
  });
  return { store, clock, other };
}

describe("the store over SQLite", () => storeContract(open));
