import { endsRun, Failure } from "../../core/errors.ts";

/** The same failure, told with the node where it happened; what ends the run is no node's. */
export function ofNode(name: string, error: unknown): Failure {
  const failure = Failure.from(error);
  if (endsRun(failure)) return failure;
  return new Failure(failure.code, `node ${JSON.stringify(name)}: ${failure.message}`, failure.options);
}

/** A failure after which the world was put back, as far as that went. */
export const putBack = ({ code, message, options }: Failure, how: string): Failure =>
  new Failure(code, `${message}; ${how}`, {
    ...options,
    hint: "control_run retry goes on from what failed, and does again what was undone.",
  });
