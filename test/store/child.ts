import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A real process that runs one of the `.child.ts` files beside this one, and what it says, line by line. */
export class Child {
  readonly process: ChildProcess;
  readonly lines: string[] = [];
  readonly #ended: Promise<unknown>;
  readonly #heard: (() => void)[] = [];

  constructor(script: string, ...args: string[]) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.process = spawn(process.execPath, ["--no-warnings", path, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    const { stdout } = this.process;
    if (!stdout) throw new Error("no stdout");
    createInterface({ input: stdout }).on("line", (line) => {
      this.lines.push(line);
      for (const heard of this.#heard.splice(0)) heard();
    });
    this.#ended = once(this.process, "close");
  }

  /** Waits until it has said so many lines; returns the last of them. */
  async says(count = 1): Promise<string> {
    while (this.lines.length < count) {
      const gone = await Promise.race([
        new Promise<false>((resolve) => this.#heard.push(() => resolve(false))),
        this.#ended.then(() => this.lines.length < count),
      ]);
      if (gone) throw new Error(`it ended after ${this.lines.length} lines`);
    }
    return this.lines[count - 1] ?? "";
  }

  /** Waits until it has ended by itself; returns all that it has said. */
  async ends(): Promise<string[]> {
    await this.#ended;
    return this.lines;
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.#ended;
  }
}
