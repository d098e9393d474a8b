import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Pattern, RunContext, RunOptions } from "../core/pattern.ts";
import type { Frame } from "./frame.ts";
import { kept } from "./kept.ts";
import type { Inside } from "./nested.ts";
import type { Playing } from "./playing.ts";

interface Played {
  readonly pattern: Pattern;
  readonly input: unknown;
  readonly options: RunOptions;
}

/** A pattern inside a pattern, one level deeper. */
export const patternInside = (
  play: Playing,
  { pattern, input, options }: Played,
  contextOf: (frame: Frame) => RunContext,
): Inside => ({
  name: pattern.name,
  print: fingerprint({ kind: "run", pattern: pattern.name, input }),
  deeper: true,
  options,
  /** What does not fit the pattern is its caller's fault, and no bug. */
  async play(inner) {
    const parsed = pattern.input.safeParse(input);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const at = issue?.path.length ? `${issue.path.join(".")}: ` : "";
      throw new Failure("INVALID_INPUT", `${pattern.name} does not take this input: ${at}${issue?.message}`);
    }
    pattern.check?.(parsed.data, play.catalogue.limits);
    return kept(pattern.output.parse(await pattern.run(contextOf(inner), parsed.data)));
  },
});
