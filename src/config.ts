import { dirname } from "node:path";
import type { z } from "zod";
import { type Environment, type Made, settingsOf } from "./config/environment.ts";
import { readSettingsFile, type SettingsFile } from "./config/file.ts";
import { defaultHome, pathFrom } from "./config/folders.ts";
import { wrongSubscriptions } from "./config/subscriptions.ts";
import { readTokens } from "./config/tokens.ts";
import { has, isTree, over, treeOf } from "./config/tree.ts";
import { misfits } from "./core/check.ts";
import { Failure } from "./core/errors.ts";
import { BreakerPolicy, type Budget, Limits, RetryPolicy } from "./core/limits.ts";
import { DEFAULT_BREAKER, DEFAULT_BUDGETS, DEFAULT_LIMITS, DEFAULT_RETRY, Settings } from "./core/settings.ts";

/** The caps that stand when a start says nothing, and which caps of money somebody set on purpose. */
interface Budgets {
  readonly run: Budget;
  readonly run_max: Budget;
  readonly day: Budget;
  readonly caller: Budget;
  readonly explicit: Readonly<Record<"run" | "run_max" | "day" | "caller", boolean>>;
}

/** All settings as they hold: defaults filled in, and every path absolute. */
export interface Config
  extends Omit<Settings, "home" | "limits" | "retry" | "breaker" | "budgets" | "auth" | "approvals"> {
  /** The settings file, where there is one. */
  readonly file?: string;
  readonly home: string;
  readonly limits: Limits;
  readonly retry: RetryPolicy;
  readonly breaker: BreakerPolicy;
  readonly budgets: Budgets;
  /** Present where callers must show a token; names by token. */
  readonly auth?: { readonly tokens_env: string; readonly tokens: ReadonlyMap<string, string> };
  /** May the model that calls decide, and who may decide all: names by token. */
  readonly approvals: Settings["approvals"] & { readonly approvers: ReadonlyMap<string, string> };
}

export interface ConfigSource {
  readonly cwd: string;
  readonly env: Environment;
  /** What the command line says; it wins over everything. */
  readonly overrides?: z.input<typeof Settings>;
  readonly platform?: NodeJS.Platform;
}

/** Reads the settings from file, environment and command line; fails with everything that is wrong in them. */
export function readConfig(source: ConfigSource): Config {
  const file = readSettingsFile(source.cwd, source.env["BATON_CONFIG"]);
  const fromEnv = settingsOf(source.env, file.tree, tokenVariables(file));
  const said = fromEnv.made.reduce<unknown>((below, { path, value }) => over(treeOf(path, value), below), file.tree);
  const whole = over(source.overrides ?? {}, said);
  const place = placer(source, file, fromEnv.made);
  const wrong = misfits(Settings, whole).map(({ path, message, unknown }) => `${place(path, unknown)}: ${message}`);
  const { success, data } = Settings.safeParse(whole);
  const unfit = success ? contradictions(data).map(([path, message]) => `${place(path, false)}: ${message}`) : [];
  const auth = authOf(success ? data : undefined, source.env);
  const approvals = approvalsOf(success ? data : undefined, source.env);
  const problems = [...file.problems, ...fromEnv.problems, ...wrong, ...unfit, ...auth.problems, ...approvals.problems];
  if (!success || problems.length > 0) throw invalid(problems);
  return complete(data, source, file, fromEnv.made, { auth: auth.auth, approvals: approvals.approvals });
}

/** The variables that hold tokens, as the file names them, so that they are not taken for settings. */
function tokenVariables({ tree: { auth, approvals } }: SettingsFile): string[] {
  const names = [isTree(auth) && auth["tokens_env"], isTree(approvals) && approvals["approvers_env"]];
  return names.filter((name) => typeof name === "string");
}

type Place = (path: readonly PropertyKey[], unknown: boolean) => string;

/** Says where a setting was made: a variable, the command line, or a line of the file. */
function placer({ overrides }: ConfigSource, file: SettingsFile, made: readonly Made[]): Place {
  return (path, unknown) => {
    const name = path.map(String).join(".");
    if (overrides && has(overrides, path)) return `\`${name}\` on the command line`;
    const variable = made.findLast((one) => one.path.every((part, i) => part === path[i]))?.variable;
    if (variable) return `${variable} (\`${name}\`)`;
    const where = unknown ? file.yaml?.whereNamed(path) : file.yaml?.where(path);
    return where ? `${file.path}:${where.line}:${where.column}: \`${name}\`` : `\`${name}\``;
  };
}

type Contradiction = readonly [path: readonly string[], message: string];

/** What is well formed and yet cannot hold. */
function contradictions(settings: Settings): Contradiction[] {
  const { model, models, providers, budgets, database, queue } = settings;
  const tiers = Object.entries(models).filter(([, name]) => !name.includes("/"));
  const keys = Object.entries(providers).filter(([, { api_key_env: name }]) => name && !/^[A-Za-z_]\w*$/.test(name));
  const found: Contradiction[] = [
    ...tiers.map(([tier]): Contradiction => [["models", tier], "expected provider/model, such as openai/gpt-5-mini"]),
    ...wrongSubscriptions(settings.subscriptions),
    ...keys.map(
      ([id]): Contradiction => [
        ["providers", id, "api_key_env"],
        "expected the name of an environment variable, such as OPENAI_API_KEY, and not the key itself",
      ],
    ),
  ];
  if (model && !model.includes("/") && !Object.hasOwn(models, model))
    found.push([["model"], "expected provider/model, such as openai/gpt-5-mini, or a name of `models`"]);
  if ((budgets.run?.usd ?? 0) > (budgets.run_max?.usd ?? Number.POSITIVE_INFINITY))
    found.push([["budgets", "run", "usd"], "it is above `budgets.run_max.usd`, which no run may exceed"]);
  if (database !== "sqlite") found.push([["database"], "this version keeps its runs in sqlite; expected sqlite"]);
  if (queue !== "local") found.push([["queue"], "this version has no queue but its own; expected local"]);
  return found;
}

/** Tokens are asked for where `auth` is set, and where there are tokens. */
function authOf(settings: Settings | undefined, env: Environment): { auth?: Config["auth"]; problems: string[] } {
  const variable = settings?.auth?.tokens_env ?? "BATON_TOKENS";
  const { tokens, problems } = readTokens(env[variable] ?? "");
  if (problems.length > 0) return { problems: problems.map((problem) => `${variable}: ${problem}`) };
  return settings?.auth || tokens.size > 0 ? { auth: { tokens_env: variable, tokens }, problems } : { problems };
}

/** Who may decide all. */
function approvalsOf(
  settings: Settings | undefined,
  env: Environment,
): Pick<Config, "approvals"> & { problems: string[] } {
  const { self = true, approvers_env: variable = "BATON_APPROVERS" } = settings?.approvals ?? {};
  const { tokens: approvers, problems } = readTokens(env[variable] ?? "");
  return {
    approvals: { self, approvers_env: variable, approvers },
    problems: problems.map((problem) => `${variable}: ${problem}`),
  };
}

const invalid = (problems: readonly string[]): Failure =>
  new Failure("INVALID_SETTINGS", ["The settings cannot be used:", ...problems.map((one) => `- ${one}`)].join("\n"), {
    hint: "Correct what is listed, in the file or in the environment, and start again.",
  });

function complete(
  settings: Settings,
  source: ConfigSource,
  file: SettingsFile,
  made: readonly Made[],
  { auth, approvals }: Pick<Config, "approvals"> & { readonly auth: Config["auth"] },
): Config {
  const { home, limits, retry, breaker, budgets, auth: _, model, ...rest } = settings;
  const { cwd, env, overrides = {}, platform = process.platform } = source;
  const base = file.path === undefined ? cwd : dirname(file.path);
  /** A path begins where it was written: in the file's folder, or where the process was started. */
  const path = (
    name: "home" | "folders" | "agents" | "workflows" | "providers" | "mcp_servers",
    written: string,
  ): string => pathFrom(has(overrides, [name]) || made.some((one) => one.path[0] === name) ? cwd : base, written, env);
  const chosen = model === undefined ? undefined : Object.hasOwn(rest.models, model) ? rest.models[model] : model;
  return {
    ...rest,
    ...(chosen !== undefined && { model: chosen }),
    ...(file.path !== undefined && { file: file.path }),
    ...(auth && { auth }),
    approvals,
    home: home === undefined ? defaultHome(file.path, env, platform) : path("home", home),
    folders: rest.folders.map((folder) => path("folders", folder)),
    agents: rest.agents.map((folder) => path("agents", folder)),
    workflows: rest.workflows.map((folder) => path("workflows", folder)),
    providers: Object.fromEntries(
      Object.entries(rest.providers).map(([id, { file: tape, ...own }]) => [
        id,
        tape === undefined ? own : { ...own, file: path("providers", tape) },
      ]),
    ),
    mcp_servers: Object.fromEntries(
      Object.entries(rest.mcp_servers).map(([id, server]) => [
        id,
        server.command === undefined ? server : { ...server, cwd: path("mcp_servers", server.cwd ?? ".") },
      ]),
    ),
    limits: Limits.parse({ ...DEFAULT_LIMITS, ...limits }),
    retry: RetryPolicy.parse({ ...DEFAULT_RETRY, ...retry }),
    breaker: BreakerPolicy.parse({ ...DEFAULT_BREAKER, ...breaker }),
    budgets: budgetsOf(budgets),
  };
}

function budgetsOf({ run, run_max, day, caller }: Settings["budgets"]): Budgets {
  const ceiling = Math.max(DEFAULT_BUDGETS.run_max.usd, run?.usd ?? 0);
  const usual = Math.min(DEFAULT_BUDGETS.run.usd, run_max?.usd ?? Number.POSITIVE_INFINITY);
  return {
    run: { usd: usual, ...run },
    run_max: { usd: ceiling, ...run_max },
    day: { ...DEFAULT_BUDGETS.day, ...day },
    caller: { ...DEFAULT_BUDGETS.caller, ...caller },
    explicit: {
      run: run?.usd !== undefined,
      run_max: run_max?.usd !== undefined,
      day: day?.usd !== undefined,
      caller: caller?.usd !== undefined,
    },
  };
}
