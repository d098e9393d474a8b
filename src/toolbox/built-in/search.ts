import { Worker } from "node:worker_threads";
import { Failure } from "../../core/errors.ts";

/** Runs in a thread of its own, since an expression may take for ever and only a thread can be stopped then. */
const THREAD = `
const { parentPort, workerData } = require("node:worker_threads");
const expression = new RegExp(workerData.source, workerData.flags);
parentPort.on("message", ({ text, most }) => {
  const lines = text.split(/\\r?\\n/);
  const hits = [];
  for (let i = 0; i < lines.length && hits.length < most; i++) if (expression.test(lines[i])) hits.push(i);
  parentPort.postMessage(hits);
});
`;

const BUDGET_MS = 5000;
const MEMORY_MB = 256;

/** Looks for an expression in texts, within a bounded time for all of them together. */
export class Search {
  readonly #worker: Worker;
  readonly #late: Promise<never>;
  #stopTimer: () => void = () => undefined;

  constructor(source: string, flags: string, signal: AbortSignal) {
    checkExpression(source, flags);
    this.#worker = new Worker(THREAD, {
      eval: true,
      workerData: { source, flags },
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
    this.#late = new Promise((_, reject) => {
      const timer = setTimeout(() => reject(tooSlow()), BUDGET_MS);
      this.#stopTimer = () => clearTimeout(timer);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.#worker.once("error", (error) => reject(new Failure("TOO_LARGE", `the search failed: ${String(error)}`)));
    });
    this.#late.catch(() => undefined);
  }

  /** The numbers of the lines, from 0, in which it stands. */
  lines(text: string, most: number): Promise<number[]> {
    const found = new Promise<number[]>((resolve) => this.#worker.once("message", resolve));
    this.#worker.postMessage({ text, most });
    return Promise.race([found, this.#late]);
  }

  async close(): Promise<void> {
    this.#stopTimer();
    await this.#worker.terminate();
  }
}

function checkExpression(source: string, flags: string): void {
  try {
    new RegExp(source, flags);
  } catch (error) {
    throw new Failure(
      "INVALID_INPUT",
      `${JSON.stringify(source)} is no regular expression: ${(error as Error).message}`,
      {
        hint: "It is one of JavaScript; a special character that is meant as it is has a backslash before it.",
      },
    );
  }
}

const tooSlow = (): Failure =>
  new Failure("INVALID_INPUT", `the search took more than ${BUDGET_MS / 1000} seconds and was ended`, {
    hint: "Search in fewer files, or with a simpler expression: repetitions inside repetitions take for ever.",
  });
