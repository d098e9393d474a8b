import { Failure } from "../core/errors.ts";
import { httpApp } from "../http/app.ts";
import { eras } from "../http/eras.ts";
import { isLoopback, listen } from "../http/listen.ts";
import { doorkeeper } from "../http/tokens.ts";
import type { Baton, OpenRooms } from "../server.ts";
import { connections } from "./connections.ts";
import { playExample } from "./example.ts";
import { untilTold } from "./until-told.ts";

const LEAST_BODY = 4 * 1024 * 1024;

/** Serves MCP, the page and health over HTTP until a signal comes. */
export async function serveHttp(baton: Baton, host: string): Promise<void> {
  const { config, log, mcp, version, people } = baton;
  checkDoor(baton, host);
  const rooms = await baton.open();
  checkModel(baton, rooms);
  const { store, engine } = rooms;
  /** A byte of a task may take six in JSON. */
  const both = eras(mcp, { maxRequestBodySize: Math.max(LEAST_BODY, config.limits.input_bytes * 6), log });
  const keeper = config.auth && { doorkeeper: doorkeeper(config.auth.tokens) };
  const events = { readOnly: config.read_only, eventBytes: config.limits.input_bytes };
  const { approvers } = config.approvals;
  const decisions = { policy: people.policy, approvers, nudge: (run: string) => engine.nudge(run) };
  const door = { isLoopback: isLoopback(host), ...keeper, decisions };
  const app = httpApp({ mcp: both, store, log, version, ...door, ...events });
  const listening = await listen({ fetch: app.fetch, host, port: config.port });
  people.meetAt(async ({ id }) => `${listening.url}/runs/${id}`);
  baton.notices.listen((uri) => both.notify.resourceUpdated(uri));
  untilTold(async () => {
    await both.close();
    await listening.close();
    await baton.close(config.drain_seconds * 1000);
  });
  engine.awaken();
  log.info(
    { version, node: process.version, transport: "http", url: listening.url, model: rooms.model },
    "server ready",
  );
  process.stderr.write(connections(listening.url, config, rooms.model));
  await playExample(baton, rooms);
}

/** Beyond this machine nobody is let in without a token. */
function checkDoor({ config: { auth } }: Baton, host: string): void {
  if (auth && auth.tokens.size === 0)
    throw new Failure("INVALID_SETTINGS", `\`auth\` is set, but ${auth.tokens_env} holds no tokens`, {
      hint: `Give it name:token pairs, such as ${auth.tokens_env}="ann:<a long random token>".`,
    });
  if (isLoopback(host) || auth) return;
  throw new Failure("INVALID_SETTINGS", `refusing to listen on ${host}, beyond this machine, without tokens`, {
    hint: 'Set `auth: { tokens_env: BATON_TOKENS }` and BATON_TOKENS="name:token", or leave out --host.',
  });
}

/** Others are not given made-up answers by oversight. */
function checkModel({ config }: Baton, { model }: OpenRooms): void {
  const isAsked = Boolean(config.rehearsal) || config.model?.startsWith("rehearsal/");
  if (!config.auth || isAsked || !model.startsWith("rehearsal/")) return;
  throw new Failure(
    "INVALID_SETTINGS",
    "`auth` is set and no real model is at hand, so callers would get rehearsed answers",
    {
      hint: "Give a provider's key (such as OPENAI_API_KEY) or the setting `model`, or ask for it with BATON_REHEARSAL=true.",
    },
  );
}
