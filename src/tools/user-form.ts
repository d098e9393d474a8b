import { z } from "zod";
import type { Choice } from "../core/approval.ts";
import { choicesOf, type Said } from "../core/deciding.ts";
import type { Run, Wait } from "../core/store.ts";
import { typed } from "../core/typed.ts";
import { visible } from "../core/visible.ts";

/** One field of a form, as clients can show it. */
type Field =
  | { readonly type: "string"; readonly title: string; readonly enum?: string[] }
  | { readonly type: "number" | "integer" | "boolean"; readonly title: string };

/** What a client shows to its user. */
export interface UserForm {
  readonly message: string;
  readonly requestedSchema: {
    readonly type: "object";
    readonly properties: Record<string, Field>;
    readonly required: string[];
  };
}

/** What does not fit into one is decided elsewhere, where all of it can be read. */
const LONGEST = 6000;

/** A form for what a client's user may decide; none where it cannot be shown whole, or is left to named approvers. */
export function userForm(run: Run, wait: Wait): UserForm | undefined {
  const choices = choicesOf(wait).filter((choice) => choice !== "edit");
  const message = messageOf(run, wait);
  if (choices.length === 0 || wait.terms?.approvers || message.length > LONGEST) return undefined;
  const onlyAnswer = !choices.includes("approve");
  const properties: Record<string, Field> = {
    ...(!onlyAnswer && { decision: { type: "string", title: "Decision", enum: [...choices] } }),
    ...(choices.includes("answer") && { answer: answerField(wait) }),
    note: { type: "string", title: "Note (may be left out)" },
  };
  return { message, requestedSchema: { type: "object", properties, required: [onlyAnswer ? "answer" : "decision"] } };
}

function messageOf({ id, pattern }: Run, { kind, place, show, terms = {}, expires_at }: Wait): string {
  const { action, definition, high_risk, default: instead } = terms;
  const lines = [
    `Baton: run ${id} (${definition ?? pattern}) waits for your ${kind} at ${place}.`,
    high_risk && "It is marked high risk.",
    show !== undefined && `To be decided: ${visible(show)}`,
    action && `To be done: ${visible(action.name)}`,
    action?.arguments !== undefined && visible(action.arguments),
    expires_at !== undefined && `Until ${new Date(expires_at).toISOString()}.`,
    instead && `If nobody decides: ${"value" in instead ? visible(instead.value) : instead.how}.`,
  ];
  return lines.filter(Boolean).join("\n");
}

const Plain = z.object({ type: z.enum(["number", "integer", "boolean"]) });
const Options = z.object({ enum: z.array(z.string()).min(1).max(50) });

function answerField({ terms }: Wait): Field {
  const plain = Plain.safeParse(terms?.schema);
  if (plain.success) return { type: plain.data.type, title: "Answer" };
  const options = Options.safeParse(terms?.schema);
  return { type: "string", title: "Answer", ...(options.success && { enum: options.data.enum }) };
}

const Content = z.looseObject({
  decision: z.enum(["approve", "reject", "answer"]).optional(),
  answer: z.union([z.string(), z.number(), z.boolean()]).optional(),
  note: z.string().max(10_000).optional(),
});

/** What the user has said in a form; nothing where that is no decision. */
export function saidIn(content: unknown, wait: Wait): Said | undefined {
  const { success, data } = Content.safeParse(content);
  if (!success) return undefined;
  const { answer, note = "" } = data;
  const decision: Choice | undefined = data.decision ?? (answer === undefined ? undefined : "answer");
  if (decision === undefined) return undefined;
  const value = typeof answer === "string" ? typed(answer, wait, "answer") : answer;
  return {
    decision,
    step: wait.place,
    ...(wait.approval !== undefined && { approval: wait.approval }),
    ...(decision === "answer" && { value }),
    ...(note !== "" && { note }),
  };
}
