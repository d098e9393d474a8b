import type { Deed, Verdict } from "../../core/deed.ts";
import type { Values } from "../values.ts";
import { withTexts } from "./request.ts";
import type { Draft } from "./scene.ts";

/** What looks after a crash whether a node's request was done; nothing where the node does not say how. */
export function verifyOf({ node, parts }: Pick<Draft, "node" | "parts">): (all: Values) => Pick<Deed, "verify"> {
  const { verify } = node;
  if (!verify) return () => ({});
  const request = parts.fill(["verify", "http"], verify.http);
  const done = parts.condition("verify", "done");
  const value = parts.expression("verify", "value");
  return (all) => ({
    verify: {
      does: "http",
      input: { ...withTexts(request(all) as Record<string, unknown>), may_be_missing: true },
      read(told): Verdict {
        const found = told as { readonly status: number; readonly body: unknown };
        const output = found.body;
        if (MISSING.includes(found.status) || !done?.holds({ ...all, output })) return { done: false };
        return { done: true, value: { ...found, body: value ? value.value({ ...all, output }) : output } };
      },
    },
  });
}

const MISSING = [404, 410];
