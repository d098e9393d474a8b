import type { Client, Transport } from "@modelcontextprotocol/client";
import type { Clock } from "../core/clock.ts";
import { Failure } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { ServerSettings } from "../core/toolbox.ts";
import { address, type Fetch } from "./address.ts";
import { closedAtProbe } from "./faults.ts";
import { LastWords } from "./last-words.ts";
import { startSecondsOf } from "./listing.ts";
import { Program } from "./program.ts";
import { type Environment, missingVariables, programEnvironment, type Scrub } from "./program-environment.ts";

/** What servers are reached with. */
export interface World {
  readonly env: Environment;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly platform?: NodeJS.Platform;
}

/** A server that has said who it is. */
export interface Connection {
  readonly client: Client;
  /** Why its program is no more. */
  died(): string | undefined;
  close(): Promise<void>;
}

const LONGEST_PROBE_MS = 10_000;
const FAREWELL_MS = 1000;

interface Plan {
  readonly server: string;
  readonly settings: ServerSettings;
  readonly scrub: Scrub;
  readonly world: World;
  /** Ends a start that is under way. */
  readonly stop: AbortSignal;
  /** Told once when it is gone without having been closed. */
  readonly onGone: (why: string) => void;
}

/**
 * Starts a server, or finds it, and speaks the newest protocol that it knows; old servers are found by what they answer
 * to the first question, in the same process. Only one that ends at that question is started a second time.
 */
export async function connect(plan: Plan): Promise<Connection> {
  try {
    return await once(plan, false);
  } catch (error) {
    if (plan.settings.command === undefined || !closedAtProbe(error)) throw error;
    return once(plan, true);
  }
}

async function once(plan: Plan, isOld: boolean): Promise<Connection> {
  const { server, settings, world } = plan;
  const ms = startSecondsOf(settings) * 1000;
  const transport = await transportOf(plan);
  const { Client } = await import("@modelcontextprotocol/client");
  const client = new Client(
    { name: "baton", version: world.version },
    {
      capabilities: {},
      versionNegotiation: { mode: "auto", probe: { timeoutMs: Math.min(ms / 2, LONGEST_PROBE_MS) } },
      inputRequired: { autoFulfill: false },
    },
  );
  client.onerror = (error) =>
    world.log.debug({ server, error: plan.scrub.strict(error.message) }, "a tool server erred");
  plan.stop.throwIfAborted();
  const died = () => (transport instanceof Program ? transport.died : undefined);
  let isClosed = false;
  const close = async () => {
    isClosed = true;
    await farewell(transport, world.clock);
    await client.close().catch(() => undefined);
    await transport.close().catch(() => undefined);
  };
  const cutOff = () => void close();
  plan.stop.addEventListener("abort", cutOff, { once: true });
  try {
    await client.connect(transport, { timeout: ms, ...(isOld && { prior: { kind: "legacy" as const } }) });
  } catch (error) {
    const why = died();
    await close();
    plan.stop.throwIfAborted();
    if (error instanceof Failure || closedAtProbe(error) || why === undefined) throw error;
    throw new Failure("NETWORK", `the tool server "${server}" ended while it started (${why})`, { cause: error });
  } finally {
    plan.stop.removeEventListener("abort", cutOff);
  }
  client.onclose = () => {
    if (!isClosed) plan.onGone(died() ?? "the connection was closed");
  };
  const era = client.getNegotiatedProtocolVersion();
  world.log.info(
    { server, protocol: era, pid: transport instanceof Program ? transport.pid : undefined },
    "tool server up",
  );
  return { client, died, close };
}

async function transportOf({ server, settings, scrub, world }: Plan): Promise<Transport> {
  const { env, clock, log, fetch, platform = process.platform } = world;
  const missing = missingVariables(settings, env, platform);
  if (missing.length > 0) log.warn({ server, missing }, "variables that a tool server is to be given are not set");
  if (settings.command === undefined) return address({ server, settings, env, fetch });
  return new Program({
    server,
    command: settings.command,
    args: settings.args ?? [],
    ...(settings.cwd !== undefined && { cwd: settings.cwd }),
    env: programEnvironment(settings, env, platform),
    words: new LastWords(server, log, scrub.strict),
    clock,
    log,
  });
}

/** A session over HTTP is given back, if its server takes it in time. */
async function farewell(transport: Transport, clock: Clock): Promise<void> {
  if (!("terminateSession" in transport) || typeof transport.terminateSession !== "function") return;
  const done = Promise.resolve(transport.terminateSession()).catch(() => undefined);
  await new Promise<void>((resolve) => {
    const stop = clock.after(FAREWELL_MS, resolve);
    void done.then(() => {
      stop();
      resolve();
    });
  });
}
