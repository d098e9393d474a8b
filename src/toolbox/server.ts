import { Failure } from "../core/errors.ts";
import { misfit } from "../core/shape.ts";
import type { ServerSettings } from "../core/toolbox.ts";
import { answerOf, wordsOf, wrong } from "./answers.ts";
import { type Connection, connect, type World } from "./connection.ts";
import { type Asked, faultOf, isTimeout, statusOf } from "./faults.ts";
import { listTools, secondsOf, startSecondsOf } from "./listing.ts";
import { scrubber } from "./program-environment.ts";
import { checkable } from "./schemas.ts";
import type { Call, Listed, ListedTool, Said, ServerHealth, ToolSource } from "./source.ts";
import { Trouble } from "./trouble.ts";
import { Turns } from "./turns.ts";

const CONCURRENCY = 8;
const IDLE_MS = 5 * 60_000;
/** Whoever was cancelled may have left something at work in it: what nobody else needs is ended soon. */
const LEFT_MS = 2000;
const FRESH_MS = 5000;
/** So many calls in a row without an answer: it hangs as a whole, and is started anew. */
const MOST_TIMEOUTS = 3;
const LONG_LIFE_MS = 60_000;

interface Up extends Connection {
  readonly since: number;
  listed?: { readonly at: number; readonly all: Listed };
}

/** One server of the settings: started when it is first needed, one for each process, ended when nobody has needed it for a while. */
export class Server implements ToolSource {
  readonly #name: string;
  readonly #settings: ServerSettings;
  readonly #world: World;
  readonly #trouble: Trouble;
  readonly #turns: Turns;
  readonly #scrub;
  #up: Up | undefined;
  #starting: Promise<Up> | undefined;
  #inUse = 0;
  #timeouts = 0;
  /** A call was given up since its last answer. */
  #isLeft = false;
  #tools: number | undefined;
  #stopIdle: (() => void) | undefined;
  readonly #stop = new AbortController();

  constructor(name: string, settings: ServerSettings, world: World) {
    this.#name = name;
    this.#settings = settings;
    this.#world = world;
    this.#trouble = new Trouble(name, world.clock);
    this.#turns = new Turns(settings.concurrency ?? CONCURRENCY);
    this.#scrub = scrubber(settings, world.env);
  }

  async list(signal: AbortSignal): Promise<Listed> {
    const asked = this.#asked("its list of tools", this.#startSeconds, "start_seconds");
    return this.#using(asked, signal, (up) => this.#listed(up, signal));
  }

  async call(call: Call): Promise<Said> {
    const { tool } = call;
    const seconds = secondsOf(tool, this.#settings);
    const asked = this.#asked(`"${this.#name}/${tool}"`, seconds, `tools.${tool}.seconds`);
    const known = await this.#using(asked, call.signal, (up) => this.#find(up, tool, call.signal));
    if (!known) return wrong(`The server "${this.#name}" has no tool "${tool}" any more.`);
    const why = misfit(call.arguments, checkable(known.input));
    if (why !== undefined) return wrong(`Nothing was done: these arguments do not fit the tool "${tool}": ${why}.`);
    const doubtful = { ...asked, doubtful: known.effect === true };
    return this.#turns.take(
      () => this.#using(doubtful, call.signal, (up) => this.#called(up, known, call)),
      call.signal,
    );
  }

  health(): ServerHealth {
    const { until, last } = this.#trouble;
    return {
      server: this.#name,
      kind: this.#settings.command === undefined ? "address" : "program",
      state: this.#up ? "up" : this.#starting ? "starting" : until === undefined ? "idle" : "resting",
      ...(this.#tools !== undefined && { tools: this.#tools }),
      ...(last !== undefined && { last }),
      ...(until !== undefined && { until }),
    };
  }

  async close(): Promise<void> {
    this.#stop.abort(new Failure("CANCELLED", `the tool server "${this.#name}" is closed`));
    const up = this.#up ?? (await this.#starting?.catch(() => undefined));
    await this.#drop(up);
  }

  get #startSeconds(): number {
    return startSecondsOf(this.#settings);
  }

  #asked(what: string, seconds: number, setting: string): Asked {
    const patience = `\`mcp_servers.${this.#name}.${setting}\``;
    const died = () => undefined;
    return { server: this.#name, what, seconds, patience, doubtful: false, scrub: this.#scrub, died };
  }

  /** Has it up for as long as something is done with it, and tells in our words what goes wrong. */
  async #using<T>(asked: Asked, signal: AbortSignal, work: (up: Up) => Promise<T>, isAnew = false): Promise<T> {
    this.#inUse++;
    this.#stopIdle?.();
    let up: Up | undefined;
    try {
      up = await orAborted(this.#upNow(), signal);
      return await work(up);
    } catch (error) {
      if (up && statusOf(error) === 404) {
        // It does not know our session any more: nothing was done, and a new one may be had.
        await this.#drop(up);
        if (!isAnew) return await this.#using(asked, signal, work, true);
      }
      if (isTimeout(error) && up) await this.#hangs(up);
      if (isCancel(signal)) this.#isLeft = true;
      throw faultOf(error, { ...asked, died: () => up?.died() }, signal);
    } finally {
      if (--this.#inUse === 0) this.#rest();
    }
  }

  #upNow(): Promise<Up> {
    if (this.#stop.signal.aborted) return Promise.reject(this.#stop.signal.reason);
    if (this.#up) return Promise.resolve(this.#up);
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #start(): Promise<Up> {
    this.#trouble.check();
    try {
      const plan = {
        server: this.#name,
        settings: this.#settings,
        scrub: this.#scrub,
        world: this.#world,
        stop: this.#stop.signal,
      };
      const connection = await connect({ ...plan, onGone: (why) => this.#gone(why) });
      const up: Up = Object.assign(connection, { since: this.#world.clock.mono() });
      connection.client.setNotificationHandler("notifications/tools/list_changed", () => {
        delete up.listed;
      });
      this.#timeouts = 0;
      this.#up = up;
      if (this.#inUse === 0) this.#rest();
      return up;
    } catch (error) {
      const asked = this.#asked("its start", this.#startSeconds, "start_seconds");
      const failure = faultOf(error, asked, new AbortController().signal);
      this.#trouble.count(failure.message);
      throw failure;
    }
  }

  #gone(why: string): void {
    const up = this.#up;
    if (!up) return;
    this.#up = undefined;
    if (this.#world.clock.mono() - up.since > LONG_LIFE_MS) this.#trouble.over();
    this.#trouble.count(why);
    this.#world.log.warn({ server: this.#name, why }, "a tool server is gone");
  }

  async #hangs(up: Up): Promise<void> {
    if (++this.#timeouts < MOST_TIMEOUTS || this.#up !== up) return;
    this.#trouble.count(`${MOST_TIMEOUTS} calls in a row had no answer`);
    await this.#drop(up);
  }

  async #drop(up: Up | undefined): Promise<void> {
    this.#stopIdle?.();
    if (up && this.#up === up) this.#up = undefined;
    this.#isLeft = false;
    await up?.close();
  }

  #rest(): void {
    const up = this.#up;
    if (!up || this.#stop.signal.aborted) return;
    this.#stopIdle?.();
    this.#stopIdle = this.#world.clock.after(this.#isLeft ? LEFT_MS : IDLE_MS, () => {
      if (this.#inUse > 0 || this.#up !== up) return;
      this.#world.log.info({ server: this.#name }, "tool server ended: nobody needs it");
      void this.#drop(up);
    });
  }

  async #listed(up: Up, signal: AbortSignal): Promise<Listed> {
    const now = this.#world.clock.mono();
    if (up.listed && now - up.listed.at < FRESH_MS) return up.listed.all;
    const all = await listTools(up.client, this.#settings, { signal, timeout: this.#startSeconds * 1000 });
    up.listed = { at: now, all };
    this.#tools = all.tools.length;
    return all;
  }

  /** As it was listed last; what is not there is looked for anew. */
  async #find(up: Up, tool: string, signal: AbortSignal): Promise<ListedTool | undefined> {
    const named = ({ tools }: Listed) => tools.find((each) => each.tool === tool);
    return (up.listed && named(up.listed.all)) ?? named(await this.#listed(up, signal));
  }

  async #called(up: Up, known: ListedTool, { tool, arguments: args, key, signal }: Call): Promise<Said> {
    const seconds = secondsOf(tool, this.#settings);
    try {
      const result = await up.client.callTool(
        { name: tool, arguments: args, _meta: { "baton/idempotency_key": key } },
        {
          signal,
          timeout: seconds * 1000,
          // Without its output schema: whether the answer keeps to that is looked at here.
          toolDefinition: { name: tool, inputSchema: { ...known.input, type: "object" } },
        },
      );
      return this.#answered(answerOf(result, known));
    } catch (error) {
      const words = wordsOf(error, this.#scrub);
      if (words === undefined || signal.aborted) throw error;
      return this.#answered(wrong(words));
    }
  }

  #answered({ text, is_error }: Said): Said {
    this.#timeouts = 0;
    this.#isLeft = false;
    this.#trouble.over();
    return { text: this.#scrub.exact(text), is_error };
  }
}

const isCancel = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && reason instanceof Failure && reason.kind === "cancelled";

/** Whoever has asked may give up; what was asked for goes on for others. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
