import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../src/core/settings.ts";
import { NO_USAGE } from "../../src/core/usage.ts";
import { DebateInput, planDebate } from "../../src/patterns/debate/input.ts";
import {
  acknowledge,
  beginTalk,
  closeRound,
  holds,
  isAgreed,
  note,
  type Said,
  standing,
  type Talk,
} from "../../src/patterns/debate/talk.ts";
import { shownOf, transcript } from "../../src/patterns/debate/transcript.ts";

const NAMES = ["ann", "bob", "cid"];
const plan = planDebate(
  DebateInput.parse({ task: "t", participants: NAMES, transcript: { window: 4 } }),
  DEFAULT_LIMITS,
);

const said = fc.record({
  who: fc.nat(2),
  message: fc.string({ minLength: 1 }),
  position: fc.constantFrom("x", "y", "X.", "z"),
  agrees_with: fc.subarray([...NAMES, "nobody"]),
  agreed: fc.boolean(),
  confidence: fc.double(),
});

function hold(turns: readonly (Said & { readonly who: number })[]): Talk {
  const talk = { ...beginTalk(), round: 1 };
  for (const [at, { who, ...output }] of turns.entries()) {
    const speaker = plan.speakers[who];
    if (speaker) note(talk, plan, speaker, { agent: "a@1", model: "m", output, usage: NO_USAGE, at });
  }
  return talk;
}

describe("whatever is said in a debate", () => {
  test("the standing proposal is the last message that is no agreement, and whoever spoke last stands behind it", () => {
    fc.assert(
      fc.property(fc.array(said, { minLength: 1, maxLength: 15 }), (turns) => {
        const talk = hold(turns);
        const last = talk.messages.at(-1);
        expect(talk.messages[0]?.type).toBe("proposal");
        expect(standing(talk)?.type).not.toBe("agreement");
        expect(last && holds(talk, last.from)).toBe(true);
      }),
    );
  });

  test("nobody counts as agreed by what was said before the proposal was made", () => {
    fc.assert(
      fc.property(fc.array(said, { minLength: 1, maxLength: 15 }), (turns) => {
        const talk = hold(turns);
        const at = talk.messages.findLastIndex(({ type }) => type !== "agreement");
        const since = new Set(talk.messages.slice(at).map(({ from }) => from));
        expect(NAMES.filter((name) => holds(talk, name)).sort()).toEqual([...since].sort());
        expect(isAgreed(talk, plan.speakers)).toBe(since.size === NAMES.length);
      }),
    );
  });

  test("every message names only who takes part, a sure number, and a proposal that is there", () => {
    fc.assert(
      fc.property(fc.array(said, { maxLength: 15 }), (turns) => {
        const { messages } = hold(turns);
        const ids = messages.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const { from, to, payload, correlation_id } of messages) {
          expect(["all", ...NAMES.filter((name) => name !== from)]).toContain(to);
          expect(payload.agrees_with).not.toContain("nobody");
          expect(payload.confidence >= 0 && payload.confidence <= 1).toBe(true);
          expect(ids).toContain(correlation_id);
        }
      }),
    );
  });

  test("no more than the window stands in a prompt, and all the rest is counted", () => {
    fc.assert(
      fc.property(fc.array(said, { maxLength: 15 }), (turns) => {
        const talk = hold(turns);
        const shown = shownOf(plan, talk);
        expect(shown).toEqual(talk.messages.slice(-4));
        const hidden = talk.messages.length - shown.length;
        expect(/\((\d+) earlier/.exec(transcript(plan, talk))?.[1] ?? "0").toBe(String(hidden));
      }),
    );
  });
});

test("a message is received once, and processed when a turn that had it is remembered", () => {
  const { messages } = hold([{ who: 0, message: "m", position: "x", agrees_with: [], agreed: false, confidence: 1 }]);
  acknowledge(messages, "ann", "map/0/ann", 0);
  acknowledge(messages, "bob", "map/0/bob", undefined);
  acknowledge(messages, "bob", "map/0/bob.2", 1000);
  acknowledge(messages, "bob", "map/0/bob.3", 2000);
  expect(messages[0]?.acknowledged).toEqual([
    { by: "bob", received: "map/0/bob", processed_at: "1970-01-01T00:00:01.000Z" },
  ]);
});

test("a round stalls where positions stand as they stood once, in whatever case and space they are written", () => {
  const talk = hold([{ who: 0, message: "m", position: "Go on", agrees_with: [], agreed: false, confidence: 1 }]);
  closeRound(talk, plan.speakers);
  expect(talk.stalled).toBe(0);
  for (const position of ["go  on.", "stop", "Go on"]) {
    note(talk, plan, plan.speakers[0]!, {
      agent: "a@1",
      model: "m",
      output: { message: "m", position, agrees_with: [], agreed: false, confidence: 1 },
      usage: NO_USAGE,
      at: 0,
    });
    closeRound(talk, plan.speakers);
  }
  expect(talk.states).toHaveLength(4);
  expect(talk.stalled).toBe(1);
});
