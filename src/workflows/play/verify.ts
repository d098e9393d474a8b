import type { Deed, Tells } from "../../core/deed.ts";
import { verdictOf } from "../../core/undoing.ts";
import type { Node } from "../definition.ts";
import { partsOf, readsOf } from "../references.ts";
import { picked } from "../undoing.ts";
import type { Values } from "../values.ts";
import { withTexts } from "./request.ts";
import type { Draft } from "./scene.ts";

/** What looks after a crash whether a node's request was done; nothing where the node does not say how. */
export function verifyOf({ node, parts }: Pick<Draft, "node" | "parts">): (all: Values) => Pick<Deed, "verify"> {
  const { verify } = node;
  if (!verify) return () => ({});
  const request = parts.fill(["verify", "http"], verify.http);
  const paths = partsOf({ verify })
    .filter(({ kind }) => kind !== "template")
    .flatMap((part) => readsOf(part).map(({ path }) => path));
  const outer = paths.filter(([variable]) => variable !== "output");
  return (all) => {
    const tells = tellsOf(verify, picked(all, outer) as Values);
    const input = { ...withTexts(request(all) as Record<string, unknown>), may_be_missing: true };
    return { verify: { does: "http", input, tells, read: (found) => verdictOf(tells, found) } };
  };
}

const tellsOf = ({ done, value }: NonNullable<Node["verify"]>, values: Values): Tells => ({
  done: celOf(done),
  ...(value !== undefined && { value: celOf(value) }),
  values,
  output: "body",
  missing: MISSING,
});

/** A leading `=` may stand before it. */
const celOf = (written: string): string => written.replace(/^\s*=?\s*/, "");

const MISSING = [404, 410];
