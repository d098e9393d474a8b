import type { Subscription } from "../../src/core/event.ts";
import type { MemorySettings } from "../../src/core/memory.ts";
import type { RunStore } from "../../src/core/store.ts";
import { alertsContract } from "./contract/alerts.ts";
import { approvalsContract } from "./contract/approvals.ts";
import { claimsContract } from "./contract/claims.ts";
import { controlContract } from "./contract/control.ts";
import { deadContract } from "./contract/dead.ts";
import { deliveriesContract } from "./contract/deliveries.ts";
import { eventWaitsContract } from "./contract/event-waits.ts";
import { eventsContract } from "./contract/events.ts";
import { generationsContract } from "./contract/generations.ts";
import { memoryContract } from "./contract/memory.ts";
import { moneyContract } from "./contract/money.ts";
import { rememberedContract } from "./contract/remembered.ts";
import { runsContract } from "./contract/runs.ts";
import { undoingContract } from "./contract/undoing.ts";
import { versionsContract } from "./contract/versions.ts";
import { waitsContract } from "./contract/waits.ts";
import type { FakeClock } from "./kit.ts";

/** A store under test, empty, with a clock of its own. */
export interface Opened {
  readonly store: RunStore;
  readonly clock: FakeClock;
  /** Another process's view of the same store. */
  readonly other: RunStore;
}

/** Opens an empty store that knows these subscriptions; what it opens is closed after the test. */
export type OpenStore = (subscriptions?: readonly Subscription[], memory?: MemorySettings) => Promise<Opened>;

/** All that a run store promises. Whoever passes may take its place. */
export function storeContract(open: OpenStore): void {
  runsContract(open);
  claimsContract(open);
  controlContract(open);
  memoryContract(open);
  moneyContract(open);
  waitsContract(open);
  approvalsContract(open);
  generationsContract(open);
  eventsContract(open);
  eventWaitsContract(open);
  deliveriesContract(open);
  deadContract(open);
  rememberedContract(open);
  versionsContract(open);
  undoingContract(open);
  alertsContract(open);
}
