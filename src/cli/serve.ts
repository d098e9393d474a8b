import type { z } from "zod";
import { Failure } from "../core/errors.ts";
import { Settings } from "../core/settings.ts";
import { makeBaton } from "../server.ts";
import { type CommonOptions, settingsOf } from "./settings.ts";

export interface ServeOptions extends CommonOptions {
  readonly http?: boolean;
  readonly port?: number;
  readonly host: string;
  readonly toolsets?: readonly string[];
  readonly readOnly?: boolean;
}

/** `baton serve`: MCP until the client goes, or with --http until a signal comes. */
export async function serve(options: ServeOptions): Promise<number> {
  const { http, port, host, toolsets, readOnly } = options;
  const baton = makeBaton(
    settingsOf(options, {
      ...(port !== undefined && { port: wholeNumber(port) }),
      ...(toolsets && { toolsets: toolsets as z.input<typeof Settings>["toolsets"] }),
      ...(readOnly && { read_only: true }),
    }),
    { role: http ? "HTTP server" : "stdio server" },
  );
  if (http) await (await import("./serve-http.ts")).serveHttp(baton, host);
  else (await import("./serve-stdio.ts")).serveStdin(baton);
  return new Promise(() => undefined);
}

function wholeNumber(port: number): number {
  if (Settings.shape.port.safeParse(port).success) return port;
  throw new Failure("INVALID_SETTINGS", `--port must be a number from 0 to 65535`);
}
