import type { AgentSpec } from "../../core/agent.ts";
import { type Asked, listOf, searchesOf } from "./asked.ts";
import { OWN } from "./dialects/own.ts";
import type { Own } from "./fields.ts";
import { wordsOf } from "./tool-list.ts";
import type { Dialect } from "./words.ts";

/** An agent as its author wrote it: its models and tools are still the words that its host has for them. */
export interface Draft extends Omit<AgentSpec, "version" | "models" | "max_output_tokens" | "tools" | "approve"> {
  readonly models: readonly string[];
  readonly max_output_tokens?: number | undefined;
  /** Absent where its author named none. */
  readonly tools?: readonly string[];
  readonly approve?: readonly string[];
  readonly denied?: readonly string[];
  /** Servers whose tools it may have. */
  readonly servers?: readonly string[];
  /** It may change nothing. */
  readonly read_only?: true;
}

/** What helps to say what a draft's words mean here, and is no part of what its author wrote. */
export interface Beside {
  readonly dialect: Dialect;
  /** `line:column` of where it says its models, and its tools. */
  readonly at: { readonly models: string; readonly tools: string };
  /** For each server it names, the line of settings that would make it known. */
  readonly lines: ReadonlyMap<string, string>;
}

/** Beside a role that is built in, nothing stands. */
export const ROLE: Beside = { dialect: OWN, at: { models: "1:1", tools: "1:1" }, lines: new Map() };

/** What stands under `x-baton` takes the place of what hosts are told. */
export function draftOf(asked: Asked, own: Own, system: string): Omit<Draft, "name" | "description" | "source"> {
  const { fallbacks, model, tools, approve, web_search, version, tag, consult, ...plain } = own;
  const [first = "inherit", ...others] = model === undefined ? asked.models : listOf(model);
  const { effort, max_turns, call_seconds, temperature } = asked;
  const host = { effort, max_turns, call_seconds, temperature, tag: asked.tag };
  const search = web_search === undefined ? asked.web_search : searchesOf(web_search);
  const peers = consult ?? asked.consult;
  const called = tag ?? version;
  const needed = {
    ...Object.fromEntries(Object.entries(host).filter(([, value]) => value !== undefined)),
    ...plain,
    ...(called !== undefined && { tag: called }),
    ...(search && { web_search: search }),
    ...(peers.length > 0 && { consult: [...new Set(peers)] }),
    ...toolsOf(asked, tools, approve),
    system,
  };
  return { ...needed, models: [first, ...others, ...asked.fallbacks, ...listOf(fallbacks)] };
}

function toolsOf(
  asked: Asked,
  tools: Own["tools"],
  approve: Own["approve"],
): Pick<Draft, "tools" | "approve" | "denied" | "servers" | "read_only"> {
  const careful = [...(tools === undefined ? asked.careful : []), ...(approve === undefined ? [] : wordsOf(approve))];
  const named = tools === undefined ? asked.tools : wordsOf(tools);
  const host = tools === undefined ? asked : undefined;
  return {
    ...(named && { tools: named }),
    ...(careful.length > 0 && { approve: careful }),
    ...(host && host.denied.length > 0 && { denied: host.denied }),
    ...(host && host.servers.size > 0 && { servers: [...host.servers.keys()] }),
    ...(host?.read_only && { read_only: true }),
  };
}
