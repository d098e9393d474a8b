/** Where a person may sit: what they are told, and what they answer. */
export interface Terminal {
  /** Is there a person? Pipes and files are none. */
  readonly isPerson: boolean;
  say(text: string): void;
  /** One line; nothing where there is no more. */
  ask(question: string): Promise<string>;
}

/** The terminal of this process. */
export const TERMINAL: Terminal = {
  isPerson: process.stdin.isTTY === true && process.stdout.isTTY === true,
  say: (text) => void process.stdout.write(`${text}\n`),
  ask(question) {
    process.stdout.write(question);
    return new Promise((resolve) => {
      const end = (line: string) => {
        process.stdin.off("data", read).off("end", none).pause();
        resolve(line.trim());
      };
      const read = (chunk: Buffer) => end(chunk.toString());
      const none = () => end("");
      process.stdin.on("data", read).on("end", none).resume();
    });
  },
};
