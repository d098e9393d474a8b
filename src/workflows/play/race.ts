import { Failure } from "../../core/errors.ts";
import { bounded, boundsOf } from "./bounds.ts";
import type { Doing, Draft, Outcome, Workshop } from "./scene.ts";

/** The nodes inside, all at once: the first that succeeds counts, and the others are cancelled. */
export function raceDoing({ node, around }: Draft, workshop: Workshop): Doing {
  const graph = workshop.inner(node.race?.nodes ?? {}, around);
  const bounds = boundsOf(node);
  const bound = graph.nodes.find(({ after }) => after.length > 0);
  if (bound)
    throw new Failure("INVALID_WORKFLOW", `in a race nobody follows another, and ${JSON.stringify(bound.name)} does`, {
      hint: "Put what belongs together into a workflow of its own, and let that run in the race.",
    });
  return (outer, spot) =>
    bounded(outer, bounds, async (ctx) => {
      const settled = await ctx.map(
        graph.nodes,
        async (each, branch) => finisher(await each.play(branch, { ...spot, isTop: false }, [])),
        {
          join: { kind: "first" },
        },
      );
      const winner = settled.flatMap((branch) => (branch.ok ? [branch.value] : []))[0];
      const { output = null, writes, undo } = winner ?? {};
      return { output, ...(writes && { writes }), ...(undo && { undo }) };
    });
}

/** Who was skipped, or failed and was let go, has won nothing. */
function finisher(outcome: Outcome): Outcome {
  if (outcome.status === "succeeded") return outcome;
  throw new Failure("GATE_FAILED", outcome.error?.message ?? "it was skipped");
}
