import { type AgentSpec, agentTag } from "../../core/agent.ts";
import { talks } from "../../core/dialogue.ts";
import { Failure } from "../../core/errors.ts";
import { fingerprint } from "../../core/fingerprint.ts";
import type { Line } from "../../core/store.ts";
import { NO_USAGE } from "../../core/usage.ts";
import { freeAside } from "../aside.ts";
import { boundsOf } from "../bounds.ts";
import { type Asking, specOf } from "../executor.ts";
import { frozen } from "../kept.ts";
import { Nested } from "../nested.ts";
import { fitted, toldOf } from "../question.ts";
import { converse } from "./course.ts";

/**
 * A call that is answered by a dialogue: turns of the model, what it wants done between them, and the checks around
 * it. Each is a step of its own; the whole of it is one line for whoever has asked.
 */
export function byDialogue(asking: Asking): boolean {
  const { play, frame, place, task, tell, contextOf } = asking;
  const spec = specOf(play, asking.ref);
  if (!spec || !talks(spec)) return false;
  if (task.closing) freeAside(play, frame);
  let model = spec.models[0] ?? "";
  const inside = {
    name: spec.name,
    print: fingerprint({ kind: "dialogue", agent: told(spec), ...toldOf(spec, task), prompt: task.prompt }),
    deeper: false,
    options: boundsOf(task),
    async play(inner: typeof frame) {
      const said = await converse({ play, frame: inner, ctx: contextOf(inner), spec, task });
      model = said.model;
      return said.output;
    },
    who: () => ({ agent: agentTag(spec), model }),
  };
  const done = ({ value, usage = NO_USAGE, at, agent = agentTag(spec), model: by = "" }: Line) => {
    const fits = fitted(task, value);
    if ("problem" in fits) return play.catastrophe(new Failure("BUG", `${place}: ${fits.problem}`));
    tell.done(Object.freeze({ agent, model: by, output: frozen(fits.value), usage, at }));
  };
  const fail = (failure: Failure) => tell.fail(failure.with({ step: place, agent: agentTag(spec) }));
  new Nested(play, frame, place, inside, { done, fail }).begin();
  return true;
}

/** What of an agent makes its dialogue another one. */
const told = ({ models, tools, consult, web_search, guards }: AgentSpec) => ({
  ...{ model: models[0], tools, consult, web_search, guards },
});
