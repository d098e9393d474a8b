import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { Failure } from "../../src/core/errors.ts";
import type { Asked, Message, Order, Report, Setup, Told } from "./orders.ts";

const CHILD = new URL("./player.child.ts", import.meta.url);

interface Waiting {
  readonly resolve: (told: never) => void;
  readonly reject: (error: Error) => void;
}

/** A Baton in another process, as the test that may kill it sees it. */
export class Player {
  static readonly #all = new Set<Player>();
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly exited: Promise<string>;
  #nr = 0;
  #complaints = "";

  constructor(setup: Setup) {
    this.#child = fork(CHILD, [JSON.stringify(setup)], { stdio: ["ignore", "inherit", "pipe", "ipc"] });
    this.#child.stderr?.on("data", (text) => {
      this.#complaints += text;
    });
    this.#child.on("message", (report) => this.#hear(report as Report));
    this.exited = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => resolve(signal ?? String(code)));
    });
    void this.exited.then((how) => {
      Player.#all.delete(this);
      for (const { reject } of this.#waiting.values())
        reject(new Error(`the player ended: ${how}\n${this.#complaints}`));
      this.#waiting.clear();
    });
    Player.#all.add(this);
  }

  /** Opens one, and waits until its store is open. */
  static async open(setup: Setup): Promise<Player> {
    const player = new Player(setup);
    await player.#answer(0);
    return player;
  }

  /** Ends all that are left, whatever state they are in. */
  static async endAll(): Promise<void> {
    await Promise.all([...Player.#all].map((player) => player.kill()));
  }

  /** What it has written to stderr. */
  get complaints(): string {
    return this.#complaints;
  }

  /** It stands still, as after SIGSTOP. */
  get isStopped(): boolean {
    const pid = String(this.#child.pid);
    const state = existsSync("/proc/self/stat")
      ? readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)
      : execFileSync("ps", ["-o", "stat=", "-p", pid], { encoding: "utf8" });
    return state?.startsWith("T") ?? false;
  }

  tell<K extends Order>(order: K, asked?: Asked<K>): Promise<Told<K>> {
    const message: Message = { nr: ++this.#nr, order, ...(asked !== undefined && { with: asked }) };
    const answer = this.#answer(message.nr);
    this.#child.send(message, (error) => {
      if (error) this.#take(message.nr)?.reject(error);
    });
    return answer as Promise<Told<K>>;
  }

  signal(name: "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    this.#child.kill(name);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  #answer(nr: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(nr, { resolve, reject }));
  }

  #take(nr: number): Waiting | undefined {
    const waiting = this.#waiting.get(nr);
    this.#waiting.delete(nr);
    return waiting;
  }

  #hear(report: Report): void {
    const waiting = this.#take(report.nr);
    if ("told" in report) waiting?.resolve(report.told as never);
    else waiting?.reject(new Failure(report.code as Failure["code"], report.message));
  }
}
