import type { AgentVersion, Desk } from "../core/desk.ts";
import { Failure } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { type Choice, splitVersion } from "../core/versions.ts";
import { type Facts, factWords } from "./agent-facts.ts";
import { iso, joined, lacks } from "./managed.ts";

const TOOL = "manage_agents";

/** What is asked of an agent: its name, and perhaps a version. */
export function whom({ action, name }: { readonly action: string; readonly name?: string | undefined }) {
  if (name === undefined || name === "") throw lacks(TOOL, action, "`name`", { name: "critic" });
  return splitVersion(name.normalize("NFC"));
}

/** All its versions, the latest first; NOT_FOUND where nobody has that name. */
export function versionsOf(name: string, desk: Desk): readonly AgentVersion[] {
  const all = desk.versions(name);
  if (all.length > 0 || desk.has(name)) return all;
  const near = nearest(
    name,
    desk.list().map((card) => card.name),
  );
  throw new Failure("NOT_FOUND", `there is no agent ${JSON.stringify(name.slice(0, 80))}`, {
    hint: near.length > 0 ? `Did you mean ${near.join(" or ")}?` : `${TOOL} {"action":"list"} shows all.`,
  });
}

/** The version that a hash or a tag means: of several with one tag, what a file said last. */
export function meant(name: string, version: string, all: readonly AgentVersion[]): AgentVersion {
  const found = all.find((one) => one.version === version) ?? all.find(({ tag, tried }) => tag === version && !tried);
  if (found) return found;
  const there = all.slice(0, 8).map((one) => (one.tag === undefined ? one.version : `${one.version} (${one.tag})`));
  throw new Failure("NOT_FOUND", `the agent "${name}" has no version ${JSON.stringify(version.slice(0, 80))}`, {
    hint: `It has ${there.join(", ")}.`,
  });
}

/** The version that the name meant before the one that it means now: as somebody chose, else as runs knew it. */
export function earlier(all: readonly AgentVersion[], choices: readonly Choice[]): AgentVersion | undefined {
  const active = all.find((one) => one.active);
  const said = choices
    .slice(1)
    .map(({ version }) => all.find((one) => (version === undefined ? one.file : one.version === version)));
  const chosen = said.find((one) => one && one !== active);
  if (chosen) return chosen;
  const known = all.filter(({ tried }) => !tried);
  return (
    known.slice(active ? known.indexOf(active) + 1 : 0).find((one) => one !== active) ??
    known.find((one) => one !== active)
  );
}

/** A version as data. */
export const versionRow = (name: string, one: AgentVersion, facts: Facts) => ({
  name,
  version: one.version,
  ...(one.tag !== undefined && { tag: one.tag }),
  ...(one.active && { active: true }),
  ...(one.file && { file: true }),
  ...(one.tried && { tried: true }),
  ...(one.first_seen !== undefined && { first_seen: iso(one.first_seen) }),
  ...(one.last_seen !== undefined && { last_seen: iso(one.last_seen) }),
  ...facts,
});

/** The same in a line. */
export const versionLine = (name: string, one: AgentVersion, facts: Facts): string =>
  joined(
    `${name}@${one.version}${one.tag === undefined ? "" : ` (${one.tag})`}`,
    one.active && "active",
    one.file && "as its file says",
    one.tried && "tried in a fork",
    one.first_seen !== undefined && `since ${iso(one.first_seen)}`,
    ...factWords(facts),
  );
