import type { Baton } from "../server.ts";

/** Lets people decide for the runs of a server on stdio: a page on this machine, opened when somebody is first waited for. */
export function meetOnLoopback({ config, log, people, open }: Baton): { close(): Promise<void> } {
  if (config.read_only) return { close: async () => undefined };
  const opening = async () => {
    const [{ Lobby }, { store, engine }] = await Promise.all([import("../http/lobby.ts"), open()]);
    const { approvers } = config.approvals;
    return new Lobby({ store, log, policy: people.policy, approvers, nudge: (run) => engine.nudge(run) });
  };
  let lobby: ReturnType<typeof opening> | undefined;
  people.meetAt(async (run) => {
    lobby ??= opening();
    return (await lobby).link(run);
  });
  return {
    async close() {
      await (await lobby?.catch(() => undefined))?.close();
    },
  };
}
