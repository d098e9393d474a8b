import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { baton, served, typedInto } from "../cli/server-process.ts";
import { type AnyClient, CLIENTS, type Where } from "../compat/clients.ts";
import { Browser } from "../http/forms.ts";
import type { Script } from "../stub/script.ts";
import { type StubPrice, startVendor } from "../stub/vendor.ts";

/** USD a million: what is written to a cache is dearer than what is read from it. */
const PRICE: StubPrice = { input: 4, cached: 0.4, cache_write: 5, output: 20, search: 10 };

const OURS = {
  input_per_mtok: PRICE.input,
  cached_per_mtok: PRICE.cached,
  cache_write_per_mtok: PRICE.cache_write,
  output_per_mtok: PRICE.output,
};

export interface StageOptions {
  readonly script?: Script;
  /** By their paths in the folder of the settings: agents, workflows, whatever else lies there. */
  readonly files?: Readonly<Record<string, string>>;
  /** Beside what all stages have; some name the folder that they stand in. */
  readonly settings?: (folder: string) => Readonly<Record<string, unknown>>;
  /** Over its own stdio, in place of HTTP. */
  readonly stdio?: boolean;
  readonly client?: keyof typeof CLIENTS;
}

/** What a client hears of a call: the text that a person reads, and the same as data. */
export type Heard = Awaited<ReturnType<AnyClient["call"]>>;

export type Stage = Awaited<ReturnType<typeof openStage>>;

/** A folder with settings and agent files, a fake vendor in both dialects, a server as a process of its own, and a real client. */
export async function openStage(options: StageOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), "baton-live-"));
  const vendor = await startVendor({
    script: options.script ?? [],
    prices: { "*": PRICE },
    caches: true,
    bill_aborted: true,
  });
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const settings = {
    model: "oa/m",
    providers: {
      oa: { type: "openai", base_url: vendor.v1 },
      an: { type: "anthropic", base_url: vendor.origin, search_usd: 0.01 },
    },
    prices: { "oa/m": OURS, "an/m": OURS },
    budgets: { run: { usd: 5 }, run_max: { usd: 50 }, day: { usd: 1000 }, caller: { usd: 1000 } },
    retry: { initial_ms: 1, max_ms: 20 },
    limits: { max_output_tokens: 1000 },
    ...options.settings?.(folder),
  };
  write("baton.yaml", JSON.stringify(settings));
  for (const [path, text] of Object.entries(options.files ?? {})) write(path, text);

  const home = join(folder, "home");
  const env = { BATON_CONFIG: join(folder, "baton.yaml"), BATON_REHEARSAL: "false", BATON_LOG: "warn" };
  const connect = CLIENTS[options.client ?? "the current client, 2026-07-28"];
  if (!connect) throw new Error(`no client ${options.client}`);
  const open = async () => {
    const server = options.stdio ? undefined : await served(home, [], env);
    const where: Where = server ? { url: server.url } : { home, env };
    return { server, client: await connect(where) };
  };
  let now = await open();

  return {
    folder,
    vendor,
    write,
    path: (name: string) => join(folder, name),
    get client() {
      return now.client;
    },
    /** The page, and what the server has said; over stdio there is none. */
    get server() {
      if (!now.server) throw new Error("this one speaks over stdio");
      return now.server;
    },
    call: (name: string, args: object): Promise<Heard> => now.client.call(name, { ...args }, { timeout: 60_000 }),
    /** Starts a run and waits until it has ended or waits for somebody. */
    play: (name: string, args: object): Promise<Heard> =>
      now.client.call(name, { wait_seconds: 40, ...args }, { timeout: 60_000 }),
    /** A person decides on the page what a run waits for; gives the run when it has ended or waits again. */
    async decide(heard: Heard, fields: Record<string, string>): Promise<Heard> {
      const link = heard.data.waiting_for?.page;
      if (link === undefined) throw new Error(`no page to decide on: ${heard.text}`);
      const browser = new Browser();
      // Over stdio it is a door for once, which leads on to the page.
      const door = await browser.open(link);
      const page = new URL(door.response.headers.get("location") ?? "", link).href;
      const { body } = door.status === 200 ? door : await browser.open(page);
      const { status, body: said } = await browser.send(page, body, fields);
      if (status !== 303) throw new Error(`the page answered ${status}: ${said}`);
      return this.wait(heard);
    },
    wait: ({ data }: Heard): Promise<Heard> =>
      now.client.call("get_run", { run_id: data.run_id, wait_seconds: 40 }, { timeout: 60_000 }),
    /** All pages of an answer that is longer than one. */
    async whole(name: string, args: object): Promise<string> {
      const { text, data } = await now.client.call(name, args);
      const { next } = data;
      const hasMore = next?.tool === name && "cursor" in next.arguments;
      return hasMore ? text + (await this.whole(name, next.arguments)) : text;
    },
    trace: ({ data }: Heard, more: object = { view: "steps" }): Promise<Heard> =>
      now.client.call("get_run_trace", { run_id: data.run_id, ...more }),
    /** A command beside the server, with the same settings. */
    baton: (args: readonly string[]) => baton(args, home, env),
    /** The same at a terminal, where somebody types. */
    typed: (args: readonly string[], answers: readonly string[]) => typedInto(args, home, answers, env),
    async page(path: string): Promise<string> {
      const { url } = this.server;
      return (await fetch(`${url}${path}`)).text();
    },
    /** Ends the server at once, and starts another on the same home. */
    async restart(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
      const { server, client } = now;
      const { pid } = client;
      if (server) await server.stop(signal);
      else if (pid !== undefined) process.kill(pid, signal);
      await client.close().catch(() => undefined);
      now = await open();
    },
    async [Symbol.asyncDispose]() {
      await now.client.close().catch(() => undefined);
      await now.server?.stop();
      await vendor.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** An agent file in the dialect of Claude Code, with our own words in it. */
export const agent = (name: string, own: object, told = `You are ${name}.`, more = ""): string =>
  `---\nname: ${name}\ndescription: What ${name} is for.\n${more}x-baton: ${JSON.stringify(own)}\n---\n${told}\n`;
