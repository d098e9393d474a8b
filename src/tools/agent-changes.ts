import { Failure } from "../core/errors.ts";
import { earlier, meant, versionsOf, whom } from "./agent-versions.ts";
import { joined, lacks, managed } from "./managed.ts";
import type { Reply, Rooms } from "./tool.ts";

interface Asked {
  readonly action: string;
  readonly name?: string | undefined;
  readonly text?: string | undefined;
  readonly replace?: boolean | undefined;
  readonly note?: string | undefined;
}

const TOOL = "manage_agents";

/** From now on the name means this version, whatever its file says. */
export async function use(asked: Asked, { desk, store }: Rooms, by: string): Promise<Reply> {
  const { name, version } = whom(asked);
  if (version === undefined) throw lacks(TOOL, "use", "a version", { name: `${name}@1.0.0` });
  const { spec } = meant(name, version, versionsOf(name, desk));
  requireFile(name, desk);
  await store.versions.choose(name, spec.version, by, spec);
  return chosen("use", name, desk);
}

/** The name means again what it meant before. */
export async function rollback(asked: Asked, { desk, store }: Rooms, by: string): Promise<Reply> {
  const { name } = whom(asked);
  const before = earlier(versionsOf(name, desk), await store.versions.choices(name));
  if (!before)
    throw new Failure("NOT_FOUND", `"${name}" has no version before the active one`, {
      hint: "A version is kept once a run has pinned it.",
    });
  requireFile(name, desk);
  await store.versions.choose(name, before.version, by, before.spec);
  return chosen("rollback", name, desk);
}

/** The name means again whatever its file says. */
export async function follow(asked: Asked, { desk, store }: Rooms, by: string): Promise<Reply> {
  const { name } = whom(asked);
  versionsOf(name, desk);
  await store.versions.choose(name, undefined, by);
  return chosen("follow", name, desk);
}

/** Without a file nobody has the name, and only `name@version` can be asked. */
function requireFile(name: string, desk: Rooms["desk"]): void {
  if (desk.has(name)) return;
  throw new Failure("NOT_FOUND", `no file is called "${name}" any more, so the name alone means nobody`, {
    hint: `Name the version in runs (${name}@…), or save the file again: ${TOOL} {"action":"save", …}`,
  });
}

async function chosen(action: string, name: string, desk: Rooms["desk"]): Promise<Reply> {
  await desk.fresh();
  const active = desk.versions(name).find((one) => one.active);
  const agent = {
    name,
    ...(active && { version: active.version, ...(active.tag !== undefined && { tag: active.tag }) }),
  };
  const tag = active?.tag === undefined ? "" : ` (${active.tag})`;
  const line = active
    ? `New runs ask ${name}@${active.version}${tag}${action === "follow" ? ", as its file says" : ""}; runs in flight keep theirs.`
    : `${name} cannot be asked as it is.`;
  return managed(TOOL, { action, agent }, [line]);
}

const EXAMPLE = "---\nname: critic\ndescription: Finds what is wrong in a text.\n---\nYou are a critic.\n";

/** Writes the agent's file, if it can be read as one. */
export async function save({ action, name: said, text, replace = false }: Asked, { desk }: Rooms): Promise<Reply> {
  const { name } = whom({ action, name: said });
  if (text === undefined) throw lacks(TOOL, "save", "`text`, the file whole", { name: "critic", text: EXAMPLE });
  const { path, notes } = desk.save({ name, text, replace });
  const all = desk.versions(name);
  const file = all.find((one) => one.file);
  const active = all.find((one) => one.active);
  const isActive = file !== undefined && file === active;
  const agent = {
    name,
    path,
    ...(file && { version: file.version }),
    active: isActive,
    ...(notes.length > 0 && { notes }),
  };
  const other =
    active &&
    !isActive &&
    `New runs still ask ${name}@${active.version}: ${TOOL} ${JSON.stringify({ action: "follow", name })}`;
  const retired = desk.retired("agent", name);
  return managed(TOOL, { action, agent }, [joined(path, file && `${name}@${file.version}`), other, retired, ...notes]);
}

/** No new run asks it; its file stays. */
export async function retire(asked: Asked, { desk, store }: Rooms, by: string): Promise<Reply> {
  const { name } = whom(asked);
  versionsOf(name, desk);
  const changed = await store.versions.retire("agent", name, by, asked.note);
  const line = changed ? `${name} is retired: no new run asks it, and its file stays.` : `${name} was retired before.`;
  return managed(TOOL, { action: "retire", agent: { name, retired: true, changed } }, [line]);
}

export async function restore(asked: Asked, { store }: Rooms, by: string): Promise<Reply> {
  const { name } = whom(asked);
  const changed = await store.versions.restore("agent", name, by);
  const line = changed ? `${name} may be asked again.` : `${name} was not retired.`;
  return managed(TOOL, { action: "restore", agent: { name, retired: false, changed } }, [line]);
}
