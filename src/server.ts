import { join } from "node:path";
import type { McpServerFactory } from "@modelcontextprotocol/server";
import type { StandingSource } from "./agents/archive.ts";
import { systemClock } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Catalogue } from "./core/catalogue.ts";
import type { Clock } from "./core/clock.ts";
import type { Desk } from "./core/desk.ts";
import type { Engine } from "./core/engine.ts";
import { type Log, SILENT } from "./core/log.ts";
import type { Pattern } from "./core/pattern.ts";
import type { Examined } from "./core/remark.ts";
import type { RunStore } from "./core/store.ts";
import type { Library } from "./core/workflow.ts";
import type { Runs } from "./deeds/control.ts";
import { openSubscriptions } from "./events/subscriptions.ts";
import { openLog } from "./log.ts";
import { patterns as allPatterns } from "./patterns/index.ts";
import type { Fetch } from "./toolbox/address.ts";
import type { Toolbox } from "./toolbox/toolbox.ts";
import { face } from "./tools/face.ts";
import { menu } from "./tools/menu.ts";
import { Notices } from "./tools/notices.ts";
import { People } from "./tools/people.ts";
import type { Rooms, Tool } from "./tools/tool.ts";
import { VERSION } from "./version.ts";
import { makeRunWorkflow } from "./workflows/run-workflow.ts";

/** What a test, a bench or an embedding puts in the place of the usual. */
export interface Overrides {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly patterns?: readonly Pattern[];
  /** Takes up no unfinished runs, whoever calls: for commands that only look. */
  readonly asleep?: boolean;
  /** Told after each commit, before anybody hears of it, how many there have been. */
  readonly afterCommit?: (count: number) => void;
  /** How long a run stays its player's without a sign of life. */
  readonly leaseMs?: number;
  /** What kind of process this is, for people who ask who plays a run. */
  readonly role?: string;
}

/** Baton before any of its rooms is open: what a client that only looks around needs. */
export interface Baton {
  readonly config: Config;
  readonly version: string;
  readonly log: Log;
  readonly patterns: readonly Pattern[];
  readonly tools: readonly Tool[];
  readonly mcp: McpServerFactory;
  readonly notices: Notices;
  readonly people: People;
  /** Opens store, desk and engine, once; a failure to open is told, and the next call tries again. */
  open(): Promise<OpenRooms>;
  /** What has been opened, if anything has. */
  opened(): Promise<OpenRooms | undefined>;
  /** Lets an end that is under way grant no further grace. */
  hurry(): void;
  /** Ends what was opened: calls in flight get the grace, all else is given back. */
  close(graceMs?: number): Promise<void>;
}

export interface OpenRooms extends Rooms {
  readonly model: string;
  close(graceMs: number): Promise<void>;
}

/** Puts Baton together. It touches neither disk nor network before `open` or the first call of a tool. */
export function makeBaton(config: Config, overrides: Overrides = {}): Baton {
  const log = overrides.log ?? openLog(config.log);
  const patterns = overrides.patterns ?? [...allPatterns, makeRunWorkflow(allPatterns)];
  const notices = new Notices();
  const people = new People({ self: config.approvals.self, run_max: config.budgets.run_max });
  let opening: Promise<OpenRooms> | undefined;
  const open = () => {
    opening ??= openRooms(config, { ...overrides, log, patterns }).then(
      (rooms) => {
        rooms.store.onChange((runs) => notices.tell(runs));
        return { ...rooms, people };
      },
      (error: unknown) => {
        opening = undefined;
        throw error;
      },
    );
    return opening;
  };
  const openAwake = async () => {
    const rooms = await open();
    if (!overrides.asleep) rooms.engine.awaken();
    return rooms;
  };
  const { folders, limits, toolsets, read_only: readOnly } = config;
  const format = async () => (await import("./workflows/schema.ts")).workflowSchema();
  const tools = menu(patterns, { open: openAwake, folders, limits, log }, { toolsets, readOnly });
  return {
    config,
    version: VERSION,
    log,
    patterns,
    tools,
    mcp: face({ tools, open: openAwake, peek: open, format, patterns, limits, notices, log, version: VERSION }),
    notices,
    people,
    open,
    opened: async () => opening?.catch(() => undefined),
    hurry: () => void opening?.then(({ engine }) => engine.hurry()).catch(() => undefined),
    async close(graceMs = 2000) {
      await (await opening?.catch(() => undefined))?.close(graceMs);
    },
  };
}

/** Baton with its rooms open, for whoever needs them at once. */
export async function openBaton(config: Config, overrides: Overrides = {}): Promise<Baton & Omit<OpenRooms, "close">> {
  const baton = makeBaton(config, overrides);
  return { ...(await baton.open()), ...baton };
}

type Settled = Overrides & Required<Pick<Overrides, "log" | "patterns">>;

async function openRooms(config: Config, overrides: Settled): Promise<Omit<OpenRooms, "people">> {
  const { log, patterns, clock = systemClock, asleep = false, afterCommit, leaseMs } = overrides;
  const [{ openStore }, { holdLock, ownerIsDead }, { openEngine }, { openCache }, { openBus }, deeds, toolbox] =
    await Promise.all([
      import("./store/sqlite/open.ts"),
      import("./store/sqlite/lock.ts"),
      import("./run/engine.ts"),
      import("./agents/cache.ts"),
      import("./events/bus.ts"),
      openDeeds(config, overrides),
      openTools(config, overrides),
    ]);
  let library: Library | undefined;
  const subscriptions = openSubscriptions({
    settings: config.subscriptions,
    cards: () => library?.list() ?? [],
    clock,
  });
  const opening = openStore({
    home: config.home,
    clock,
    subscriptions: subscriptions.known,
    memory: config.memory,
    log,
    ...(afterCommit && { afterCommit }),
    ...(leaseMs !== undefined && { leaseMs }),
  });
  const standing: StandingSource = async (before) => (await opening).versions.standing(before);
  const [store, { desk, model, providers }] = await Promise.all([opening, openDesk(config, overrides, standing)]);
  library = await orClose(store, async () => {
    await desk.fresh();
    return openWorkflows(config, patterns, desk, log);
  });
  const lock = await orClose(store, () => holdLock(config.home));
  const warn = (error: unknown) => log.warn({ err: error }, "the answer cache failed");
  const cache = openCache(join(config.home, "cache.db"), warn, clock.now);
  const bus = openBus({
    ...{ store, patterns, library, clock, log },
    subscriptions: subscriptions.latest,
    engine: () => engine,
    identity: lock.identity.id,
    webhooks: config.alerts.webhooks,
    env: overrides.env ?? process.env,
  });
  const engine: Engine = await orClose(store, () =>
    openEngine({
      ...engineSettings(config),
      store,
      desk,
      library,
      patterns,
      clock,
      log,
      cache,
      deeds: [...deeds(() => ({ store, nudge: (run) => engine.nudge(run) })), ...toolbox.deeds],
      identity: { ...lock.identity, ...(overrides.role !== undefined && { role: overrides.role }) },
      ownerIsDead,
      ...(leaseMs !== undefined && { lease_ms: leaseMs }),
      has: () => [
        ...providers().map((id) => `provider:${id}`),
        ...Object.keys(config.mcp_servers).map((name) => `server:${name}`),
      ],
      onAwake: () => config.read_only || bus.start(),
      onBreaker: (news) => bus.breaker(news),
    }),
  );
  log.info(
    { version: VERSION, node: process.version, home: config.home, model, asleep, patterns: patterns.map(tag) },
    "rooms open",
  );
  return {
    store,
    desk,
    library,
    engine,
    model,
    async close(graceMs) {
      await bus.stop();
      await engine.stop(graceMs);
      await toolbox.close();
      await cache.close();
      await store.close();
      lock.release();
    },
  };
}

/** True where this process is from now on the one detached worker of a home, false where there is another. */
export const onlyWorker = async (home: string): Promise<boolean> =>
  (await import("./store/sqlite/lock.ts")).holdAlone(home, "detached", systemClock);

/** What cannot be opened on a store leaves no store open behind it. */
async function orClose<T>(store: RunStore, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await store.close();
    throw error;
  }
}

const tag = ({ name, version }: Pattern): string => `${name}@${version}`;

function engineSettings({ limits, retry, breaker, on_outage, budgets, providers, rehearsal, cache, secrets }: Config) {
  return {
    limits,
    secrets,
    retry,
    breaker,
    onOutage: on_outage,
    budgets,
    maxUsd: (provider: string) => providers[provider]?.max_usd,
    ...(typeof rehearsal === "object" && { rehearsal }),
    ...(cache && { cacheSeconds: cache.ttl }),
  };
}

/** The saved workflows, judged by who can be asked now. */
async function openWorkflows(
  { workflows: folders, limits }: Config,
  patterns: readonly Pattern[],
  desk: Desk,
  log: Log,
): Promise<Library> {
  const [{ openLibrary }, { withoutRetired }, { knownAgents }] = await Promise.all([
    import("./workflows/library.ts"),
    import("./workflows/retired.ts"),
    import("./workflows/world.ts"),
  ]);
  let seen: Catalogue | undefined;
  let agents = knownAgents(new Map());
  const library = openLibrary({
    ...{ folders, patterns, limits, log },
    agents() {
      const catalogue = desk.pin([]);
      if (catalogue === seen) return agents;
      seen = catalogue;
      const tiers = Object.keys(catalogue.models).map((name) => [name, undefined] as const);
      agents = knownAgents(new Map([...tiers, ...Object.entries(catalogue.agents)]));
      return agents;
    },
  });
  return withoutRetired(library, (name) => desk.retired("workflow", name));
}

/** What runs can do in the world without a model. */
async function openDeeds({ hosts, folders, limits }: Config, { env = process.env }: Settled) {
  const [{ httpDeed }, { fileDeed }, { controlDeed }, { memoryDeed }] = await Promise.all([
    import("./deeds/http.ts"),
    import("./deeds/file.ts"),
    import("./deeds/control.ts"),
    import("./deeds/memory.ts"),
  ]);
  return (runs: () => Runs & { readonly store: RunStore }) => [
    httpDeed({ hosts, env }),
    fileDeed({ folders, most: limits.input_bytes }),
    controlDeed(runs),
    memoryDeed(() => runs().store.remembered),
  ];
}

/** The tools that agents may call. None of their servers is started before it is needed, nor what starts it loaded. */
async function openTools(config: Config, { log, env = process.env, clock = systemClock }: Settled): Promise<Toolbox> {
  const { mcp_servers: servers, folders, hosts } = config;
  const { openToolbox } = await import("./toolbox/toolbox.ts");
  const fetch: Fetch = async (...request) => (await import("./agents/providers/fetch.ts")).nodeFetch(...request);
  return openToolbox({ servers, folders, hosts, env, fetch, clock, log, version: VERSION });
}

/** Who can be asked, and the default model that the settings, the keys or this machine offer. */
async function openModels(config: Config, { log, env }: Required<Pick<Settled, "log" | "env">>, mayProbe: boolean) {
  const [{ chooseModel }, { lackOf, openProviders, probeLocal }] = await Promise.all([
    import("./agents/default-model.ts"),
    import("./agents/providers/index.ts"),
  ]);
  const { policy, rehearsal } = config;
  const providers = openProviders(config.providers, env, log);
  const settings = rehearsal && config.model === undefined ? { ...config, model: "rehearsal/default" } : config;
  const probe = async () => (mayProbe ? probeLocal(log, env) : undefined);
  const { model, provider } = await chooseModel({ settings, providers, probeLocal: probe });
  if (provider) providers.set(provider.id, provider);
  const lack = (id: string) => lackOf(id, config.providers, env);
  return { model, access: { providers, allowed: policy.providers, lackOf: lack } };
}

/** What the settings say of the words that agents use for models and tools. */
const wordingOf = ({ models, limits, mcp_servers, tools, folders, hosts }: Config, model: string) => ({
  ...{ model, models, limits, sights: { folders: folders.length > 0, hosts: hosts.length > 0 } },
  tools: { servers: Object.keys(mcp_servers), tools },
});

/** The agents, and everybody who can be asked. */
async function openDesk(config: Config, { log, env = process.env }: Settled, standing: StandingSource) {
  const [{ AgentDesk }, { priceOf }] = await Promise.all([import("./agents/desk.ts"), import("./agents/prices.ts")]);
  const { retry, agents: folders, prices } = config;
  const { model, access } = await openModels(config, { log, env }, true);
  const desk = new AgentDesk({
    ...access,
    ...wordingOf(config, model),
    ...{ folders, retry, log, standing },
    priceOf: (name, isFree, writing) => priceOf(name, prices, isFree, writing),
  });
  return { desk, model, providers: () => [...access.providers.keys()] };
}

/** What is to be said of files of workflows and agents; with none named, of all that the settings name. Asks nobody. */
export async function examine(config: Config, named?: readonly string[]): Promise<Examined> {
  const [{ examineAgents }, { examineWorkflows }, { isWorkflowFile }, { knownAgents }] = await Promise.all([
    import("./agents/examine.ts"),
    import("./workflows/examine.ts"),
    import("./workflows/shelf.ts"),
    import("./workflows/world.ts"),
  ]);
  const { limits } = config;
  const { model, access } = await openModels(config, { log: SILENT, env: process.env }, false);
  const graphs = named?.filter(isWorkflowFile);
  const rest = named?.filter((path) => !isWorkflowFile(path));
  const agents = examineAgents(config.agents, rest, wordingOf(config, model), access);
  const patterns = new Map(allPatterns.map((pattern) => [pattern.name, pattern]));
  const around = { patterns, limits, agents: knownAgents(agents.agents) };
  const workflows = examineWorkflows(config.workflows, graphs, around);
  return { files: [...workflows.files, ...agents.files], remarks: [...workflows.remarks, ...agents.remarks] };
}
