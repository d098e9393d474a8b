import type { PlayerNow } from "../core/engine.ts";
import type { Reply } from "../tools/tool.ts";
import { ask, looking, print } from "./looking.ts";
import type { CommonOptions } from "./settings.ts";

export interface RunsOptions extends CommonOptions {
  readonly status?: string;
  readonly query?: string;
  readonly limit?: number;
  readonly caller: string;
  readonly json?: boolean;
}

/** `baton runs`: the latest runs, as list_runs tells them, and who plays those that are played. */
export const runs = ({ status, query, limit, caller, json, ...common }: RunsOptions): Promise<number> =>
  looking(common, async (baton) => {
    const filter = { ...(status && { status }), ...(query && { query }), ...(limit !== undefined && { limit }) };
    const told = await ask(baton, "list_runs", filter, caller);
    const listed = new Set(((told.data["runs"] ?? []) as readonly { run_id: string }[]).map(({ run_id }) => run_id));
    const players = (await (await baton.open()).engine.players()).filter(({ run }) => listed.has(run));
    return print(withPlayers(told, players), json);
  });

function withPlayers(told: Reply, players: readonly PlayerNow[]): Reply {
  if (players.length === 0) return told;
  const lines = players.map((player) => `${player.run} is played by ${nameOf(player)}`);
  return {
    ...told,
    data: { ...told.data, players: players.map(rowOf) },
    text: [told.text, ...lines].join("\n"),
  };
}

const rowOf = ({ run, owner, since, leaving, gone }: PlayerNow) => ({
  run_id: run,
  ...(owner && { role: owner.role ?? "server", pid: owner.pid, host: owner.host }),
  ...(since !== undefined && { since: new Date(since).toISOString() }),
  ...(leaving && { leaving }),
  ...(gone && { gone }),
});

function nameOf(player: PlayerNow): string {
  const { role = "somebody unknown", pid, host, since, leaving, gone } = rowOf(player);
  return [
    pid === undefined ? role : `${role}, process ${pid} on ${host}`,
    since && `since ${since}`,
    gone ? "gone: whoever comes next takes it over" : leaving && "about to end",
  ]
    .filter(Boolean)
    .join(", ");
}
