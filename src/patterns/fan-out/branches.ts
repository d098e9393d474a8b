import { type Bill, billOf } from "../../core/bill.ts";
import type { Code } from "../../core/errors.ts";
import { FENCE_RULE, fence } from "../../core/fence.ts";
import type { Answer, Settled } from "../../core/pattern.ts";
import { asText, paragraphs, quoted } from "../../core/texts.ts";
import { NO_USAGE } from "../../core/usage.ts";
import { type Problem, problemOf } from "../parts.ts";
import type { Finding } from "./findings.ts";

/** How a branch can end. `refused`: the model declined, or a cap or a rule did not let the call start. */
export const STATUSES = ["succeeded", "failed", "timed_out", "cancelled", "refused"] as const;

/** What became of one of many. */
export interface Branch {
  readonly agent: string;
  readonly item?: unknown;
  readonly status: (typeof STATUSES)[number];
  readonly output?: unknown;
  readonly error?: Problem;
  readonly usage: Bill;
}

const ENDS: Partial<Record<Code, Branch["status"]>> = {
  CANCELLED: "cancelled",
  TIMEOUT: "timed_out",
  DEADLINE_EXCEEDED: "timed_out",
  REFUSED: "refused",
  BUDGET_EXCEEDED: "refused",
  DEPTH_EXCEEDED: "refused",
  UNPRICED: "refused",
  FORBIDDEN: "refused",
};

export function branchOf(
  { name, ...job }: { readonly name: string; readonly item?: unknown },
  settled: Settled<Answer<unknown>> | undefined,
): Branch {
  const who = { agent: name, ...("item" in job && { item: job.item }) };
  if (!settled) return { ...who, status: "cancelled", usage: billOf(NO_USAGE) };
  if (settled.ok)
    return { ...who, status: "succeeded", output: settled.value.output, usage: billOf(settled.value.usage) };
  // What a loser's vendor bills changes the run's bill and is not told to its branch.
  const { error, usage = { ...NO_USAGE, partial: true } } = settled;
  return { ...who, status: ENDS[error.code] ?? "failed", error: problemOf(error), usage: billOf(usage) };
}

/** "critic NETWORK, writer TIMEOUT"; the first few of many. */
export function codesOf(branches: readonly Branch[]): string {
  const shown = branches.slice(0, 5).map(({ agent, status, error }) => `${agent} ${error?.code ?? status}`);
  const more = branches.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}

const EMPTY = /^(null|none|nil|undefined|n\/a|\[\s*\]|\{\s*\}|""|'')?\.?$/i;
const LIKE_JSON = /^(\{\s*["}]|\[\s*["{[\]])/;

/** What a branch brought to whoever merges: something to use, something to be careful with, or nothing. */
export function worthOf({ status, output }: Branch): "usable" | "broken" | "nothing" {
  if (status !== "succeeded") return "nothing";
  const text = asText(output)
    .trim()
    .replace(/^```\w*\s*|\s*```$/g, "");
  if (EMPTY.test(text)) return "nothing";
  return LIKE_JSON.test(text) && !isJson(text) ? "broken" : "usable";
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What an aggregator is told to do, whatever the task is. */
export const MERGE = paragraphs(
  "Merge the answers that you are given into one that does the task. Say nothing twice; put what matters most first. Where they contradict each other, " +
    "decide by what they give as grounds, and say so. Add nothing that they do not hold. If what is missing matters, say that it is missing.",
  FENCE_RULE,
);

/** The answers to merge, and of each that is missing or doubtful that it is. */
export function mergePrompt(task: string, branches: readonly Branch[], findings?: readonly Finding[]): string {
  const parts = branches.map((branch, index) => {
    const label = `Answer ${index + 1} (${branch.agent})`;
    const about = "item" in branch ? fence(`item ${index + 1}`, short(asText(branch.item))) : undefined;
    return paragraphs(`${label}${remark(branch)}`, about, shown(branch, index));
  });
  const once = findings && quoted("# All findings, each once, the gravest first", "findings", findings);
  return paragraphs(`# Task\n\n${task}`, "# Answers", ...parts, once);
}

function remark(branch: Branch): string {
  const worth = worthOf(branch);
  if (worth === "usable") return ":";
  if (worth === "broken") return ", which looks like JSON but is broken or cut; use it with care:";
  if (branch.status === "succeeded") return " is empty.";
  return ` is missing: ${branch.status.replace("_", " ")}${branch.error ? `, ${branch.error.code}` : ""}.`;
}

const shown = (branch: Branch, index: number): string | undefined =>
  worthOf(branch) === "nothing" ? undefined : fence(`answer ${index + 1}`, asText(branch.output));

const short = (text: string): string => (text.length > 500 ? `${text.slice(0, 500)}…` : text);
