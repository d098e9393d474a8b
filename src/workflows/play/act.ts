import type { Deed } from "../../core/deed.ts";
import { Failure } from "../../core/errors.ts";
import { misfit } from "../../core/shape.ts";
import { asText } from "../../core/texts.ts";
import type { Node } from "../definition.ts";
import { compensationOf } from "../undoing.ts";
import { boundsOf } from "./bounds.ts";
import { withTexts } from "./request.ts";
import type { Doing, Draft } from "./scene.ts";
import { verifyOf } from "./verify.ts";

/** A request; its output is the body of the answer, and of a HEAD the status and the headers. */
export function httpDoing({ name, node, parts }: Draft): Doing {
  const request = parts.fill(["http"], node.http ?? {});
  const deed = { does: "http", ...effectOf(node), ...riskOf(node), ...limitsOf(node) };
  const verify = verifyOf({ node, parts });
  const undo = compensationOf(node);
  return async (ctx, { all }) => {
    const input = withTexts(request(all) as Record<string, unknown>);
    const { body, ...rest } = asAnswer(await ctx.act(name, { ...deed, input, ...verify(all), ...undo(all) }));
    const output = node.http?.method === "HEAD" ? rest : body;
    const wrong = node.output_schema && misfit(output, node.output_schema);
    if (wrong === undefined) return { output };
    throw new Failure("BAD_OUTPUT", `the answer does not fit output_schema: ${wrong}`);
  };
}

/** What a person says that it gave is its body. */
function asAnswer(told: unknown): Readonly<Record<string, unknown>> {
  const isWhole = typeof told === "object" && told !== null && "status" in told && "headers" in told && "body" in told;
  return isWhole ? { ...told } : { body: told };
}

/** What changes the world is not repeated blindly, unless the node says that it may be. */
function effectOf({ effect, http }: Node): Pick<Deed, "effect"> {
  if (effect !== undefined) return { effect };
  const method = http?.method ?? "GET";
  if (method === "GET" || method === "HEAD") return {};
  return { effect: method === "PUT" || method === "DELETE" ? { idempotent: true } : true };
}

const riskOf = ({ high_risk }: Node): Pick<Deed, "high_risk"> => (high_risk ? { high_risk } : {});

function limitsOf(node: Node): Pick<Deed, "seconds" | "retry"> {
  const { seconds } = boundsOf(node);
  const retry = Object.fromEntries(Object.entries(node.retry ?? {}).filter(([, value]) => value !== undefined));
  return { ...(seconds !== undefined && { seconds }), ...(node.retry && { retry }) };
}

/** The text of a file. */
export function fileDoing({ name, node, parts }: Draft): Doing {
  const path = parts.fill(["file"], node.file ?? "");
  const deed = { does: "file", ...limitsOf(node) };
  return async (ctx, { all }) => ({ output: await ctx.act(name, { ...deed, input: { path: asText(path(all)) } }) });
}

/** Something done to another run. */
export function controlDoing({ name, node, parts }: Draft): Doing {
  const run = parts.fill(["control", "run"], node.control?.run ?? "");
  const deed = {
    does: "control",
    effect: node.effect ?? ({ idempotent: true } as const),
    ...riskOf(node),
    ...limitsOf(node),
  };
  const undo = compensationOf(node);
  return async (ctx, { all }) => ({
    output: await ctx.act(name, {
      ...deed,
      input: { run: asText(run(all)), action: node.control?.action },
      ...undo(all),
    }),
  });
}
