import { Failure } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import type { Anatomy, Place } from "../levels.ts";
import type { Finding } from "../problems.ts";
import { compilePart, fitsIn, texts } from "../references.ts";

/** Templates and expressions that can never be evaluated, each with the place inside the text. */
export const checkTexts = (anatomy: Anatomy): Finding[] => [
  ...anatomy.places.flatMap((place) => unreadable(anatomy, place)),
  ...starts(anatomy).flatMap((place) => unreadable(anatomy, place)),
];

/** What the events that start it must be. */
function starts({ definition: { on = [] }, top }: Anatomy): Place[] {
  return on.flatMap(({ where }, i) =>
    where === undefined
      ? []
      : texts(["on", i, "where"], `= ${where.replace(/^\s*=/, "")}`, "event").map((part) => ({
          part: { ...part, kind: "condition" as const, skipped: where.length - part.text.length },
          path: part.path,
          level: top,
          variables: ["event"],
        })),
  );
}

function unreadable(anatomy: Anatomy, { part, path, level, variables }: Place): Finding[] {
  if (fitsIn(part, variables)) return [];
  try {
    compilePart(part, variables);
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const message = error.message.replace(
      /\(at character (\d+)\)/,
      (_, at) => `(at character ${Number(at) + part.skipped})`,
    );
    const [, name] = /(?:Unknown variable: |there is no variable `)(\w+)/.exec(message) ?? [];
    if (name === undefined) return [{ path, message }];
    const [, at = ""] = /( \([^)]*\))$/.exec(message) ?? [];
    const meant = meaningOf(anatomy, level.nodes, name, variables);
    return [{ path, message: `there is no variable \`${name}\` here${at}`, hint: meant }];
  }
}

/** What somebody may have meant who wrote a name that is no variable. */
function meaningOf({ definition }: Anatomy, nodes: object, name: string, variables: readonly string[]): string {
  const all = `there are ${variables.join(", ")}`;
  const homes = [
    [`nodes.${name}.output`, nodes],
    [`inputs.${name}`, definition.inputs ?? {}],
    [`state.${name}`, definition.state ?? {}],
  ] as const;
  const [meant] = variables.includes("nodes") ? (homes.find(([, names]) => Object.hasOwn(names, name)) ?? []) : [];
  const [near] = nearest(name, variables);
  return (meant ?? near) ? `did you mean \`${meant ?? near}\`?` : all;
}
