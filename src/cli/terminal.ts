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

const LETTERS = 4;

/** Does a person type the run's last letters, and so show that they mean this very run? */
export async function types(id: string, terminal: Terminal, why: string): Promise<boolean> {
  const said = await terminal.ask(`${why} Type the run's last ${LETTERS} letters: `);
  return said.toLowerCase() === id.slice(-LETTERS);
}
