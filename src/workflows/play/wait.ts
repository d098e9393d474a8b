import type { Terms } from "../../core/approval.ts";
import { Failure } from "../../core/errors.ts";
import type { RunContext, WaitAnswer, WaitAsk } from "../../core/pattern.ts";
import { asText } from "../../core/texts.ts";
import { boundsOf } from "./bounds.ts";
import type { Doing, Done, Draft, Workshop } from "./scene.ts";

/** Stops for a person, an event or a time. */
export function waitDoing(draft: Draft, workshop: Workshop): Doing {
  const { wait = {} } = draft.node;
  if (wait.approval !== undefined) return approval(draft, wait.approval, workshop);
  if (wait.answer !== undefined) return question(draft, wait.answer, workshop);
  return wait.event === undefined ? timer(draft) : event(draft, wait.event);
}

/**
 * What is approved is the output, as it was shown or as the person has changed it: the arguments of the action, where
 * there is one.
 */
function approval(draft: Draft, written: string, workshop: Workshop): Doing {
  const { action } = draft.node.wait ?? {};
  const shown = draft.parts.fill(["wait", "approval"], written);
  const given = draft.parts.fill(["wait", "action", "arguments"], action?.arguments);
  const terms = termsOf(draft);
  return waiting(draft, ({ all }) => ({
    ...terms,
    kind: "approval",
    show: shown(all),
    definition: workshop.tag(),
    ...(action && { action: { name: action.name, arguments: given(all) } }),
  }));
}

function question(draft: Draft, written: string, workshop: Workshop): Doing {
  const shown = draft.parts.fill(["wait", "answer"], written);
  const terms = termsOf(draft);
  return waiting(draft, ({ all }) => ({ ...terms, kind: "answer", show: shown(all), definition: workshop.tag() }));
}

/** What the decision is held to. */
function termsOf({ node: { wait = {}, high_risk, output_schema } }: Draft): Terms {
  const { self, approvers, escalate, on_expiry } = wait;
  return {
    ...(high_risk && { high_risk }),
    ...(self !== undefined && { self }),
    ...(approvers && { approvers }),
    ...(output_schema && { schema: output_schema }),
    ...(escalate && {
      escalate: { after_seconds: escalate.after_seconds, ...(escalate.note && { note: escalate.note }) },
    }),
    ...(on_expiry === "approve" && { default: { how: "approved" } }),
    ...(on_expiry === "reject" && { default: { how: "rejected" } }),
  };
}

function event(
  draft: Draft,
  {
    type,
    where,
    correlation_id: written,
  }: { type: string; where?: string | undefined; correlation_id?: string | undefined },
): Doing {
  const correlation =
    written === undefined ? undefined : draft.parts.fill(["wait", "event", "correlation_id"], written);
  const condition = where === undefined ? undefined : draft.parts.condition("wait", "event", "where")?.text;
  return waiting(draft, ({ all }) => {
    const filter = {
      type,
      ...(condition !== undefined && { where: condition }),
      ...(correlation && { correlation_id: asText(correlation(all)) }),
    };
    return { kind: "event", show: filter, event: filter };
  });
}

function waiting(draft: Draft, askOf: (spot: Parameters<Doing>[1]) => WaitAsk): Doing {
  const within = draft.node.wait?.within_seconds ?? boundsOf(draft.node).seconds;
  const instead = draft.parts.fill(["wait", "default"], draft.node.wait?.default);
  return async (ctx, spot) => {
    const ask = askOf(spot);
    const told = await ctx.wait(draft.name, { ...ask, ...(within !== undefined && { within_seconds: within }) });
    return told.how === "expired" ? expired(ctx, draft, () => instead(spot.all)) : settled(told, ask);
  };
}

function settled(
  told: Exclude<WaitAnswer, { readonly how: "expired" }>,
  { kind, show, action }: Pick<WaitAsk, "kind" | "show" | "action">,
): Done {
  if (told.how === "rejected") throw new Failure("REJECTED", `it was rejected${told.note ? `: ${told.note}` : ""}`);
  return { output: told.value ?? (kind === "approval" ? (action ? (action.arguments ?? null) : show) : null) };
}

function expired(ctx: RunContext, { name, node }: Draft, instead: () => unknown): Done {
  if (node.wait?.default !== undefined) return { output: instead() };
  if (node.wait?.on_expiry !== "skip")
    throw new Failure(
      "TIMEOUT",
      `nobody answered within ${node.wait?.within_seconds ?? node.timeout_seconds} seconds`,
      {
        hint: "Say with `default` or on_expiry: skip how it goes on then.",
      },
    );
  ctx.degrade(`went on without node ${JSON.stringify(name)}: nobody answered in time`);
  return { output: null, status: "skipped" };
}

/** A pause; a person may end it early. */
function timer({ name, node, parts }: Draft): Doing {
  const seconds = parts.expression("wait", "seconds");
  return async (ctx, { all }) => {
    const pause = seconds ? seconds.value(all) : node.wait?.seconds;
    if (typeof pause !== "number")
      throw new Failure("GATE_FAILED", `\`seconds\` gives ${asText(pause)}, which is no number`);
    if (pause <= 0) return { output: null };
    const told = await ctx.wait(name, { kind: "timer", within_seconds: pause });
    return told.how === "expired" ? { output: null } : settled(told, { kind: "timer" });
  };
}
