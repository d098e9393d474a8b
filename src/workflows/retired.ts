import { Failure } from "../core/errors.ts";
import type { Library } from "../core/workflow.ts";

/** The same workflows, without those of which somebody said that no new run may play them. */
export const withoutRetired = (library: Library, why: (name: string) => string | undefined): Library => ({
  has: (name) => library.has(name),
  save: (file) => library.save(file),
  pin(name) {
    const reason = why(name);
    if (reason === undefined) return library.pin(name);
    throw new Failure("INVALID_WORKFLOW", `The workflow "${name}" cannot be used: ${reason}`, {
      hint: `manage_workflows {"action": "restore", "name": ${JSON.stringify(name)}} lets it be played again.`,
    });
  },
  list: () =>
    library.list().map((card) => {
      const reason = why(card.name);
      return reason === undefined ? card : { ...card, refused: reason };
    }),
});
