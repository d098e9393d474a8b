import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import type { Baton } from "../server.ts";
import { meetOnLoopback } from "./meeting.ts";
import { outlive } from "./outlive.ts";
import { untilTold } from "./until-told.ts";

/** So long after the handshake unfinished runs are taken up, though no tool has been called. */
const AWAKEN_MS = 2000;

/** Far above what a tool takes, so that too large a call is refused in words instead of breaking the pipe. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Serves one client on stdin and stdout, and ends when it goes. */
export function serveStdin(baton: Baton): void {
  const { config, log, mcp, open, close } = baton;
  const page = meetOnLoopback(baton);
  let awakening: NodeJS.Timeout | undefined;
  const awaken = () =>
    open().then(
      ({ engine }) => engine.awaken(),
      (error: unknown) => log.error({ err: error }, "the store cannot be opened; calls will tell why"),
    );
  const transport = new StdioServerTransport(process.stdin, process.stdout, { maxBufferSize: MAX_MESSAGE_BYTES });
  const served = serveStdio(
    (context) => {
      awakening ??= setTimeout(() => void awaken(), AWAKEN_MS);
      return mcp(context);
    },
    { transport, onerror: (error) => log.debug({ err: error }, "a message was refused") },
  );
  const end = untilTold(async () => {
    clearTimeout(awakening);
    await Promise.all([served.close(), page.close()]);
    await outlive(baton);
    await close(config.drain_seconds * 1000);
  }, baton.hurry);
  process.stdin.once("end", () => end(0));
  process.stdin.once("close", () => end(0));
  process.stdout.once("error", () => end(0));
  log.info({ version: baton.version, node: process.version, transport: "stdio" }, "server ready");
}
