import { agentTag } from "../../core/agent.ts";
import type { RunContext } from "../../core/pattern.ts";
import type { OfferedTool } from "../../core/toolbox.ts";
import type { Talk } from "./course.ts";
import type { Means } from "./kit.ts";

type Verdict = { readonly arguments: unknown } | { readonly refused: string };

/** Is a tool among these: by its name, or with all of its server? */
const isGranted = (grants: readonly string[], { server, tool }: Pick<OfferedTool, "server" | "tool">): boolean =>
  grants.some((grant) => grant === `${server}/${tool}` || grant === `${server}/*`);

/** Asks a person where the agent, the settings or the tool itself want one to look first; the run waits as long as that takes. */
export async function allowed(
  { spec }: Talk,
  branch: RunContext,
  name: string,
  means: Means,
  given: unknown,
): Promise<Verdict> {
  if (means.is !== "tool") return { arguments: given };
  const { offered } = means;
  if (!offered.approve && !isGranted(spec.approve ?? [], offered)) return { arguments: given };
  const action = { name: `${offered.server}/${offered.tool}`, arguments: given };
  const answer = await branch.wait(`${name}_allowed`, {
    kind: "approval",
    show: `${spec.name} wants to call ${action.name}. ${whoseWish(offered)}`,
    action,
    definition: agentTag(spec),
    self: false,
    schema: offered.input,
  });
  const { note } = "note" in answer ? answer : { note: undefined };
  if (answer.how === "approved") return { arguments: answer.edited ? answer.value : given };
  return { refused: `A person has not allowed this${note ? `: ${note}` : ""}. Do not try it in another way.` };
}

const whoseWish = ({ server, approve }: OfferedTool): string =>
  approve
    ? `The settings of "${server}", or the server itself, want a person to look at it first.`
    : "Its definition wants a person to look at it first (`approve`).";
