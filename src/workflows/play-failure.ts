import { Failure } from "../core/errors.ts";

/** Does this failure end the run rather than the node? Only a node's own budget is the node's own affair. */
export const endsRun = ({ kind, options }: Failure): boolean =>
  kind === "cancelled" || kind === "catastrophic" || (kind === "limit" && options.scope !== "step");

/** The same failure, told with the node where it happened; what ends the run is no node's. */
export function ofNode(name: string, error: unknown): Failure {
  const failure = Failure.from(error);
  if (endsRun(failure)) return failure;
  return new Failure(failure.code, `node ${JSON.stringify(name)}: ${failure.message}`, failure.options);
}

/** A failure with more to say. */
export const added = (failure: Failure, more: string): Failure =>
  new Failure(failure.code, `${failure.message}${more}`, failure.options);
