import { constants } from "node:os";

/**
 * Ends this process when it is told to: the first signal lets `stop` end things in order, a second one ends at once.
 * Returns the same ending for other reasons to stop; a signal that comes after one of those is told to `hurry`.
 */
export function untilTold(stop: () => Promise<void>, hurry = () => {}): (exitCode: number) => void {
  let ending: Promise<void> | undefined;
  let told = false;
  const end = (exitCode: number) => {
    ending ??= stop()
      .catch((error: unknown) => void process.stderr.write(`${error instanceof Error ? error.message : error}\n`))
      .then(() => process.exit(exitCode));
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      if (told) process.exit(128 + constants.signals[signal]);
      told = true;
      if (ending) hurry();
      end(0);
    });
  return end;
}
