import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import type { Clock } from "../core/clock.ts";
import { Failure } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { LastWords } from "./last-words.ts";
import { Lines } from "./lines.ts";

/** What is started, and what it finds. */
export interface ProgramPlan {
  readonly server: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly words: LastWords;
  readonly clock: Clock;
  readonly log: Log;
}

export const LONGEST_LINE = 16 * 1024 * 1024;
/** Many programs greet on stdout; who says more than this that is no message does not speak the protocol. */
const STRAY_LINES = 100;
/** Notifications and requests since its last answer: who sends more only floods. */
const MOST_UNASKED = 16 * 1024 * 1024;
const GRACE_MS = 1000;
const LAST_READING_MS = 200;

type Child = Awaited<ReturnType<typeof spawn>>["child"];

/**
 * A server that is a program: messages are lines on its stdin and stdout. It is a group of its own, so that it ends with
 * all its descendants, whatever they think of it.
 */
export class Program implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #plan: ProgramPlan;
  readonly #lines = new Lines(LONGEST_LINE);
  /** How it ended, if it has. */
  #how: string | undefined;
  #child: Child | undefined;
  #exited: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #stray = 0;
  #unasked = 0;

  constructor(plan: ProgramPlan) {
    this.#plan = plan;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Why it is no more though nobody has closed it, with what it said last. */
  get died(): string | undefined {
    const { text } = this.#plan.words;
    return this.#how === undefined || text === "" ? this.#how : `${this.#how}; the last it said: ${text}`;
  }

  /** That there is such a thing tells the client that it speaks to a program and not over HTTP. */
  get stderr(): null {
    return null;
  }

  async start(): Promise<void> {
    const { child } = await spawn(this.#plan);
    if (child.pid === undefined) throw notStarted(this.#plan, (await child).code);
    this.#child = child;
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined);
    child.stderr.on("data", (piece: Buffer) => this.#plan.words.push(piece));
    child.stdout.on("data", (piece: Buffer) => this.#read(piece));
    this.#exited = new Promise((resolve) => {
      child.nodeChildProcess.once("exit", (code, signal) => {
        if (!this.#closing) this.#how ??= signal === null ? `exit code ${code}` : signal;
        resolve();
        void this.#gone(child);
      });
    });
    if (this.#closing)
      throw new Failure("CANCELLED", `the tool server "${this.#plan.server}" was ended while it started`);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    if (!stdin?.writable) throw new Error("the program has ended");
    if (stdin.write(`${JSON.stringify(message)}\n`)) return;
    await new Promise<void>((resolve) => {
      stdin.once("drain", resolve);
      stdin.once("close", resolve);
    });
  }

  /** Its stdin ends; who is still there a second later is told to end, and then is ended. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    child.stdin.end();
    if (!(await this.#exitsWithin(GRACE_MS))) {
      child.kill("SIGTERM");
      if (!(await this.#exitsWithin(GRACE_MS))) child.kill("SIGKILL");
      await this.#exitsWithin(GRACE_MS);
    }
    await this.#sweep();
  }

  #exitsWithin(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const stop = this.#plan.clock.after(ms, () => resolve(false));
      void this.#exited.then(() => {
        stop();
        resolve(true);
      });
    });
  }

  /** What it left behind in its group goes too: asked first, and then not asked. */
  async #sweep(): Promise<void> {
    if (!this.#reaches("SIGTERM")) return;
    for (let waited = 0; waited < GRACE_MS && this.#reaches(0); waited += 50) await this.#pause(50);
    this.#reaches("SIGKILL");
  }

  #reaches(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this;
    if (pid === undefined || process.platform === "win32") return false;
    try {
      return process.kill(-pid, signal);
    } catch {
      return false;
    }
  }

  #pause = (ms: number): Promise<void> => new Promise((resolve) => void this.#plan.clock.after(ms, resolve));

  /** What it said last is still read, for a moment; a descendant may hold its stdout open for ever. */
  async #gone(child: Child): Promise<void> {
    await Promise.race([new Promise((resolve) => child.stdout.once("close", resolve)), this.#pause(LAST_READING_MS)]);
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    this.onclose?.();
    this.#closing ??= this.#sweep();
  }

  #read(piece: Buffer): void {
    const lines = this.#lines.push(piece);
    if (!lines) return this.#refuse(`it wrote a line of more than ${LONGEST_LINE} bytes`);
    for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    if (line.trim() === "") return;
    const messages = messagesIn(line);
    if (!messages) {
      this.#plan.log.debug({ server: this.#plan.server, line: line.slice(0, 200) }, "a tool server wrote no message");
      if (++this.#stray > STRAY_LINES) this.#refuse("it writes what is no message of the protocol");
      return;
    }
    this.#unasked = messages.some((message) => !("method" in message)) ? 0 : this.#unasked + line.length;
    if (this.#unasked > MOST_UNASKED) return this.#refuse("it floods");
    for (const message of messages) this.onmessage?.(message);
  }

  #refuse(why: string): void {
    if (this.#how !== undefined) return;
    this.#how = why;
    this.#plan.log.warn({ server: this.#plan.server, why }, "a tool server is ended");
    this.#child?.stdout.destroy();
    this.#child?.kill("SIGKILL");
  }
}

/** Loaded when the first program is started. What is returned can be awaited itself, so it is wrapped. */
async function spawn({ command, args, cwd, env }: ProgramPlan) {
  const { execa } = await import("execa");
  const child = execa(command, args, {
    env,
    extendEnv: false,
    ...(cwd !== undefined && { cwd }),
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    encoding: "buffer",
    buffer: false,
    reject: false,
    killDescendants: true,
    forceKillAfterDelay: GRACE_MS,
    windowsHide: true,
  });
  return { child };
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: "there is no such program (or its `cwd` is not there)",
  EACCES: "it may not be run",
  ENOTDIR: "its `cwd` is no folder",
};

const notStarted = ({ server, command }: ProgramPlan, code = "unknown"): Failure =>
  new Failure("INVALID_SETTINGS", `the tool server "${server}" cannot be started: ${WHY[code] ?? code}: ${command}`, {
    hint: `Install it, or correct \`mcp_servers.${server}.command\`.`,
  });

function messagesIn(line: string): JSONRPCMessage[] | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const all = Array.isArray(value) ? value : [value];
    return all.length > 0 && all.every(isMessage) ? all : undefined;
  } catch {
    return undefined;
  }
}

const isMessage = (value: unknown): value is JSONRPCMessage =>
  typeof value === "object" && value !== null && "jsonrpc" in value && value.jsonrpc === "2.0";
