import { Failure } from "../core/errors.ts";
import { agentDiff, factWords, readFacts, textOfAgent } from "./agent-facts.ts";
import { earlier, meant, versionLine, versionRow, versionsOf, whom } from "./agent-versions.ts";
import { clip } from "./fit.ts";
import { iso, joined, managed } from "./managed.ts";
import { rowPage, textPage } from "./page.ts";
import type { Reply, Rooms } from "./tool.ts";

interface Asked {
  readonly action: string;
  readonly name?: string | undefined;
  readonly with?: string | undefined;
  readonly cursor?: string | undefined;
}

const TOOL = "manage_agents";
const ROOM = 1100;

/** All agents, each in the version that is active. */
export async function listAll({ cursor }: Asked, { desk, store }: Rooms): Promise<Reply> {
  const facts = await readFacts(store);
  const cards = desk.list().filter(({ kind }) => kind === "agent");
  const rows = cards.map(({ name, version, tag, source, versions, refused }) => ({
    name,
    version,
    ...(tag !== undefined && { tag }),
    versions: versions?.count ?? (version === "" ? 0 : 1),
    ...(versions?.file !== undefined && { file_says: versions.file }),
    source,
    ...facts(name, version),
    ...(refused !== undefined && { refused: clip(refused, 160) }),
  }));
  const { shown, next } = rowPage(rows, cursor, ROOM);
  const lines = shown.map((row) =>
    joined(
      `${row.name}${row.version === "" ? "" : `@${row.version}`}${row.tag === undefined ? "" : ` (${row.tag})`}`,
      row.versions > 1 && `${row.versions} versions`,
      row.file_says && `its file says ${row.file_says}`,
      row.source,
      ...factWords(row),
      row.refused && `cannot be used: ${row.refused}`,
    ),
  );
  return managed(
    TOOL,
    { action: "list", agents: shown },
    lines,
    next === undefined ? undefined : { action: "list", cursor: next },
  );
}

/** One version whole: the active one where none is named. */
export async function show(asked: Asked, { desk, store }: Rooms): Promise<Reply> {
  const { name, version } = whom(asked);
  const all = versionsOf(name, desk);
  const one = version === undefined ? (all.find(({ active }) => active) ?? all[0]) : meant(name, version, all);
  if (!one)
    throw new Failure(
      "INVALID_AGENT",
      `"${name}" cannot be asked: ${desk.list(name).find((card) => card.name === name)?.refused}`,
    );
  const facts = (await readFacts(store))(name, one.version);
  const retired = desk.retired("agent", name);
  const { source } = one.spec;
  const agent = { ...versionRow(name, one, facts), source, ...(retired !== undefined && { retired }) };
  const { shown, next } = textPage(textOfAgent(one), asked.cursor, ROOM);
  const head = joined(versionLine(name, one, facts), source, retired);
  const more = next === undefined ? undefined : { action: "show", name: asked.name, cursor: next };
  return managed(TOOL, { action: "show", agent, text: shown }, [head, "", shown], more);
}

/** All versions of one agent, and who has chosen which. */
export async function versions(asked: Asked, { desk, store }: Rooms): Promise<Reply> {
  const { name } = whom(asked);
  const all = versionsOf(name, desk);
  const facts = await readFacts(store);
  const { shown, next } = rowPage(
    all.map((one) => versionRow(name, one, facts(name, one.version))),
    asked.cursor,
    ROOM,
  );
  const from = Number(asked.cursor ?? "0");
  const lines = all.slice(from, from + shown.length).map((one) => versionLine(name, one, facts(name, one.version)));
  const choices = (await store.versions.choices(name))
    .slice(0, 5)
    .map(({ version, by, at }) => ({ at: iso(at), by, ...(version !== undefined && { version }) }));
  const history = choices.map(({ version, by, at }) => `${at} ${by} chose ${version ?? "what the newest file says"}`);
  const more = next === undefined ? undefined : { action: "versions", name, cursor: next };
  return managed(TOOL, { action: "versions", versions: shown, choices }, [...lines, ...history], more);
}

/** Two versions side by side: what is said of them and to them, and how they have done. */
export async function compare(asked: Asked, { desk, store }: Rooms): Promise<Reply> {
  const { name, version } = whom(asked);
  const all = versionsOf(name, desk);
  const after = asked.with === undefined ? all.find(({ active }) => active) : meant(name, bare(name, asked.with), all);
  const before = version === undefined ? earlier(all, await store.versions.choices(name)) : meant(name, version, all);
  if (!before || !after)
    throw new Failure("INVALID_INPUT", `"${name}" has no second version to compare with`, {
      hint: `${TOOL} ${JSON.stringify({ action: "versions", name })} shows those there are.`,
    });
  const facts = await readFacts(store);
  const both = [before, after].map((one) => versionRow(name, one, facts(name, one.version)));
  const diff = agentDiff(before, after);
  const { shown, next } = textPage(diff.length > 0 ? diff.join("\n") : "They say the same.", asked.cursor, ROOM);
  const heads = [before, after].map(
    (one, at) => `${at === 0 ? "-" : "+"} ${versionLine(name, one, facts(name, one.version))}`,
  );
  const args = { action: "compare", name: `${name}@${before.version}`, with: after.version, cursor: next };
  return managed(
    TOOL,
    { action: "compare", versions: both, text: shown },
    [...heads, "", shown],
    next === undefined ? undefined : args,
  );
}

/** The other version may be written with the name before it. */
const bare = (name: string, version: string): string =>
  version.startsWith(`${name}@`) ? version.slice(name.length + 1) : version;
