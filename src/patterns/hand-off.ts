import { z } from "zod";
import { isoTime } from "../core/clock.ts";
import { Failure } from "../core/errors.ts";
import { definePattern } from "../core/pattern.ts";
import { stallOf, stateOf } from "../core/stalls.ts";
import { counted, listed } from "../core/texts.ts";
import { overlapping } from "./advice.ts";
import { type Had, HandOver, messagesOf } from "./hand-off/messages.ts";
import { checkMembers, HandOffInput, hopsOf, type Member, membersOf, outlineMembers } from "./hand-off/team.ts";
import { type Hop, takeTurn } from "./hand-off/turn.ts";

const Output = z.object({
  output: z.string(),
  agent: z.string().describe("Who answered"),
  hops: z.array(
    z.object({ from: z.string(), to: z.string(), reason: z.string(), notes: z.string(), timestamp: z.string() }),
  ),
  path: z.array(z.string()).describe("Who had it, in order"),
  messages: z.array(HandOver).describe("The hops, as those who had them have acknowledged them"),
});

/** Exactly one agent has the task; it answers, or says who is to have it next and what that one must know. */
export const handOff = definePattern({
  name: "hand_off",
  version: 1,
  title: "Hand off",
  description:
    "One agent has the task; it answers or hands it to one better placed, and so on. Use it for routing by content, such " +
    "as support triage. Not for work that several do together (supervise) or to ask all (fan_out).",
  input: HandOffInput,
  output: Output,
  subject: "task",
  agents: (input) => membersOf(input).map(({ ref }) => ref),
  check: checkMembers,
  outline: outlineMembers,
  advice: (input, who) =>
    overlapping(
      membersOf(input).map(({ ref }) => ref),
      who,
    ),

  async run(ctx, input) {
    const members = membersOf(input);
    const most = hopsOf(input);
    const hops: Hop[] = [];
    const had: Had[] = [];
    for (let active = members[0]; active; active = members.find(({ name }) => name === hops.at(-1)?.to)) {
      const { name, to } = active;
      ctx.tell(`${name} has the task`);
      const isLast = hops.length >= most;
      const targets = isLast ? [] : members.filter((member) => to.includes(member.name));
      const turn = await takeTurn(ctx, { task: input.task, active, targets, hops, ...warningOf(hops) });
      had.push({ name, asked: turn.asked, at: turn.at });
      if ("answer" in turn) {
        if (isLast) ctx.degrade(`${name} had to answer: the task was handed over ${counted(most, "time")}`);
        return result(turn.answer, active, hops, had);
      }
      const { to: next, reason, notes, at } = turn;
      hops.push({ from: name, to: next, reason, notes, at });
    }
    throw new Failure("BUG", "the task was handed to nobody");
  },
});

/** The hand-overs as states: one that says the same to the same brings nothing new. */
function warningOf(hops: readonly Hop[]): { readonly warning?: string } {
  const states = hops.map(({ from, to, notes }) => stateOf(`${listed([from])} to ${listed([to])}`, from, to, notes));
  const verdict = stallOf(states);
  if (verdict.is === "fine") return {};
  if (verdict.is === "stop") {
    const kept = counted(hops.length, "hand-over");
    throw new Failure("STALLED", `the task goes to and fro with nothing new: ${verdict.evidence}; kept: ${kept}`, {
      hint: "Narrow `to`, say in the descriptions who does what, or name an agent that can answer this.",
    });
  }
  return {
    warning: `The task has gone this way before, with nothing new: ${verdict.evidence}. Answer, or hand over with something new; once more ends the run.`,
  };
}

const result = (
  output: string,
  { name }: Member,
  hops: readonly Hop[],
  had: readonly Had[],
): z.output<typeof Output> => ({
  output,
  agent: name,
  hops: hops.map(({ at, ...hop }) => ({ ...hop, timestamp: isoTime(at) })),
  path: [...hops.map(({ from }) => from), name],
  messages: messagesOf(hops, had),
});
