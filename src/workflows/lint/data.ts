import { isWritten, writersOf } from "../check/state.ts";
import type { Node } from "../definition.ts";
import { type Anatomy, outward, type Place, type Site } from "../levels.ts";
import type { Finding } from "../problems.ts";
import { readsOf } from "../references.ts";

/** Inputs, state and effects that are declared and not used, or used and not declared. */
export const lintData = (anatomy: Anatomy): Finding[] => [
  ...unusedInputs(anatomy),
  ...unusedState(anatomy),
  ...anatomy.places.flatMap((place) => defaultOnly(anatomy, place)),
  ...anatomy.sites.flatMap((site) => [...effects(site), ...literal(site)]),
];

/** The names that are read of a variable; undefined where it is read as a whole. */
function readNames({ places }: Anatomy, variable: string): ReadonlySet<string> | undefined {
  const reads = places.flatMap(({ part }) => readsOf(part)).filter((read) => read.variable === variable);
  return reads.some(({ name }) => name === undefined) ? undefined : new Set(reads.flatMap(({ name }) => name ?? []));
}

function unusedInputs(anatomy: Anatomy): Finding[] {
  const read = readNames(anatomy, "inputs");
  return Object.keys(anatomy.definition.inputs ?? {})
    .filter((name) => read && !read.has(name))
    .map((name) => ({
      path: ["inputs", name],
      named: true,
      message: `the input \`${name}\` is read by nobody`,
      hint: `put it in where it counts, as \`{{ inputs.${name} }}\`, or take it out`,
    }));
}

function unusedState(anatomy: Anatomy): Finding[] {
  const read = readNames(anatomy, "state");
  const written = new Set(anatomy.levels.flatMap((level) => [...writersOf(level).keys()]));
  return Object.keys(anatomy.definition.state ?? {}).flatMap((name) => {
    const path = ["state", name];
    if (read && !read.has(name))
      return [{ path, named: true, message: `the state key \`${name}\` is read by nobody`, hint: "take it out" }];
    if (written.has(name)) return [];
    return [{ path, named: true, message: `the state key \`${name}\` is written by nobody`, hint: "make it an input" }];
  });
}

/** Who writes a key goes on beside, or after, who reads it. */
function defaultOnly({ definition: { state = {} }, levels }: Anatomy, place: Place): Finding[] {
  const keys = new Set(
    readsOf(place.part).flatMap(({ variable, name }) => (variable === "state" && name !== undefined ? name : [])),
  );
  const isRepeated = outward(place.level).some(({ block }) => block?.node.loop);
  return [...keys].flatMap((key) => {
    const begins = Object.hasOwn(state, key) && state[key]?.default !== undefined;
    if (!begins || isRepeated || isWritten(place, key)) return [];
    const [writer] = levels.flatMap((level) => writersOf(level).get(key) ?? []);
    if (writer === undefined || place.site?.level.graph.precedes(place.site.name, writer)) return [];
    const message = `\`state.${key}\` is always its default here, since \`${writer}\`, which writes it, is not waited for`;
    return [{ path: place.path, message, hint: `follow it: \`after: [${writer}]\`` }];
  });
}

const CHANGING = ["POST", "PUT", "PATCH", "DELETE"];

function effects({ path, node }: Site): Finding[] {
  const method = node.http?.method ?? "GET";
  if (CHANGING.includes(method) && node.effect === undefined)
    return [
      {
        path: [...path, "http"],
        named: true,
        message: `a ${method} changes something, and after a crash it would be sent a second time`,
        hint: "say `effect: true`; or `effect: {idempotent: true}` where the receiver knows a request again by its Idempotency-Key",
      },
    ];
  const isRepeated = (node.retry?.attempts ?? 1) > 1;
  if (node.effect !== true || !isRepeated) return [];
  const message = "`retry` would do it twice where the first try arrived and its answer did not";
  return [
    { path: [...path, "retry"], named: true, message, hint: "say `effect: {idempotent: true}` if that does no harm" },
  ];
}

/** Instructions are no template. */
function literal({ path, node }: Site): Finding[] {
  if (!isTemplate(node.instructions)) return [];
  const message = "`instructions` stand as they are: nothing is put into them";
  return [{ path: [...path, "instructions"], message, hint: "put values into `task`" }];
}

const isTemplate = (text: Node["instructions"]): boolean => /\{\{|\{%/.test(text ?? "");
