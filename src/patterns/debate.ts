import { Failure } from "../core/errors.ts";
import { definePattern, type RunContext } from "../core/pattern.ts";
import { counted } from "../core/texts.ts";
import { conclude, DebateOutput } from "./debate/end.ts";
import { checkDebate, type Debate, DebateInput, debaters, planDebate } from "./debate/input.ts";
import { debateAdvice, outlineDebate } from "./debate/outline.ts";
import { stopAfterRound, stopAfterTurn } from "./debate/stop.ts";
import { beginTalk, type Talk } from "./debate/talk.ts";
import { summarise } from "./debate/transcript.ts";
import { nextSpeaker, speak } from "./debate/turn.ts";
import { isOver } from "./parts.ts";

/** A dialogue in rounds, each speaker hearing the others, until all agree or something else ends it; then a decision. */
export const debate = definePattern({
  name: "debate",
  version: 2,
  title: "Debate",
  description:
    "Agents discuss a task in rounds until they agree or a criterion stops them; a judge may decide. Use it where positions " +
    "must be tested against each other. Not for independent opinions (consensus_vote) or to improve one draft (refine).",
  input: DebateInput,
  output: DebateOutput,
  subject: "task",
  agents: debaters,
  check: checkDebate,
  outline: outlineDebate,
  advice: debateAdvice,

  async run(ctx, input) {
    const plan = planDebate(input, ctx.limits);
    // The dialogue is one branch, so that what the judge's decision may cost is kept back from it.
    const [talked] = await ctx.map([plan], (_, branch) => hold(branch, plan), {
      ...(input.judge !== undefined && { closing: input.judge }),
    });
    if (!talked?.ok) throw Failure.fromInfo(talked?.error ?? new Failure("BUG", "a debate has no end").toJSON());
    return conclude(ctx, plan, input.judge, talked.value);
  },
});

/** Holds the dialogue until something stops it. What was said when money or time ran out is kept. */
async function hold(ctx: RunContext, plan: Debate): Promise<Talk> {
  const talk = beginTalk();
  try {
    while (!talk.stop) await holdRound(ctx, plan, talk);
  } catch (error) {
    if (!(error instanceof Failure) || !isOver(error) || talk.messages.length === 0) throw error;
    talk.stop = { by: "limit", why: error.message };
    ctx.degrade(`stopped in round ${talk.round}: ${error.message}`);
  }
  requireTwo(talk);
  return talk;
}

async function holdRound(ctx: RunContext, plan: Debate, talk: Talk): Promise<void> {
  talk.round++;
  await summarise(ctx, plan, talk);
  for (let speaker = await nextSpeaker(ctx, plan, talk); speaker; speaker = await nextSpeaker(ctx, plan, talk)) {
    await speak(ctx, plan, talk, speaker);
    const stop = stopAfterTurn(ctx, plan, talk);
    if (stop) {
      talk.stop = stop;
      return;
    }
  }
  const stop = await stopAfterRound(ctx, plan, talk);
  if (stop) talk.stop = stop;
}

/** One voice is no debate. */
function requireTwo({ stop, messages, turns }: Talk): void {
  const spoke = new Set(messages.map(({ from }) => from)).size;
  if (stop?.by !== "speakers" || spoke > 1) return;
  const failed = [...new Set(turns.filter((turn) => turn.failed).map(({ name }) => name))];
  throw new Failure("NO_QUORUM", `a debate needs two, and ${counted(spoke, "participant")} could speak`, {
    hint: `See why ${failed.join(", ")} failed, then retry the run or name others.`,
  });
}
