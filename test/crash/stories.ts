import type { Asked, Reply } from "../stub/script.ts";
import { startVendor, type Vendor, type VendorOptions } from "../stub/vendor.ts";
import type { Wish } from "./orders.ts";

const MODEL = "openai/stub-model";
const who = (instructions: string) => ({ agent: MODEL, instructions });

/** What the vendor asks for a million tokens; players are told the same. */
const PRICES = { "*": { input: 1, output: 4 } };

/** A pipeline whose critic sends the first draft back. */
export const pipeline = (tag: string): Wish => ({
  key: tag,
  pattern: "run_pipeline",
  input: {
    task: `[${tag}] Write about bridges.`,
    steps: [
      { name: "draft", agent: who("You draft.") },
      { name: "edit", agent: who("You edit."), gate: { critic: who("You criticise.") }, back_to: "draft" },
      { name: "sign", agent: who("You sign."), reads: ["draft"] },
    ],
  },
});

/** Four views on one task, and one that joins them. */
export const fanOut = (tag: string, width = 4): Wish => ({
  key: tag,
  pattern: "fan_out",
  input: {
    task: `[${tag}] Look at bridges.`,
    agents: Array.from({ length: width }, (_, i) => who(`You are view ${i + 1}.`)),
    aggregator: who("You join."),
  },
});

/** Three voters who disagree, and a judge. */
const vote = (tag: string): Wish => ({
  key: tag,
  pattern: "consensus_vote",
  input: {
    question: `[${tag}] Which bridge?`,
    options: ["arch", "beam"],
    voters: [1, 2, 3].map((n) => who(`You are voter ${n}.`)),
    method: "judge",
    judge: who("You judge."),
  },
});

/** Three views of which the first two are enough; the third takes its time. */
const quorum = (tag: string): Wish => ({
  key: tag,
  pattern: "fan_out",
  input: {
    task: `[${tag}] Look at bridges, and be quick.`,
    agents: ["You are view 1.", "You are view 2.", "You are slow view 3."].map(who),
    join: "quorum",
    quorum: 2,
    aggregator: who("You join."),
  },
});

/** Two voters who disagree, and a person who decides. */
const disputed = (tag: string): Wish => ({
  key: tag,
  pattern: "consensus_vote",
  input: {
    question: `[${tag}] Which bridge, if nobody agrees?`,
    options: ["arch", "beam"],
    voters: [2, 3].map((n) => who(`You are voter ${n}.`)),
    on_disagreement: "human",
  },
});

/** A vote that is asked in waves, by ranks. */
const ranked = (tag: string): Wish => ({
  key: tag,
  pattern: "consensus_vote",
  input: {
    question: `[${tag}] Which bridge before which?`,
    options: ["arch", "beam"],
    voters: [1, 2, 3].map((n) => who(`You are ranker ${n}.`)),
    method: "ranked",
  },
});

const TWO = [MODEL, `${MODEL}-2`] as const;

/** A supervisor who gives out work twice, two pieces at once. */
const supervised = (tag: string): Wish => ({
  key: tag,
  pattern: "supervise",
  input: {
    task: `[${tag}] Look at bridges from both sides.`,
    supervisor: who("You lead."),
    workers: [who("You are view 1."), who("You are view 2.")],
  },
});

/** A task that is handed on once. */
const handedOn = (tag: string): Wish => ({
  key: tag,
  pattern: "hand_off",
  input: { task: `[${tag}] Mend the bridge.`, agents: [who("You pass it on."), who("You finish.")] },
});

/** A plan of three tasks, of which two go on at once; its result is sent back once. */
const planned = (tag: string): Wish => ({
  key: tag,
  pattern: "plan_and_execute",
  input: {
    goal: `[${tag}] Know all bridges.`,
    planner: who("You plan."),
    workers: [who("You are view 1."), who("You are view 2.")],
    synthesiser: who("You join."),
    validator: who("You validate."),
  },
});

/** Two who come to agree, and a judge. */
const debated = (tag: string): Wish => ({
  key: tag,
  pattern: "debate",
  input: {
    task: `[${tag}] Arch or beam?`,
    participants: [who("You argue for arches."), who("You argue for beams.")],
    judge: who("You decide."),
  },
});

/** A draft that is made better twice. */
const refined = (tag: string): Wish => ({
  key: tag,
  pattern: "refine",
  input: {
    task: `[${tag}] Write about bridges, well.`,
    maker: who("You make."),
    critic: who("You score."),
    criteria: ["clear"],
  },
});

/** A graph with every kind of node that can stand in it without a world outside. */
const graph = (tag: string): Wish => ({
  key: tag,
  pattern: "run_workflow",
  input: {
    inputs: { topic: `[${tag}] bridges`, sides: ["left", "right"] },
    definition: {
      inputs: { topic: { type: "string" }, sides: { type: "array" } },
      state: { seen: { type: "array", merge: "append", default: [] } },
      nodes: {
        look: {
          map: {
            over: "inputs.sides",
            nodes: { at: { agent: who("You are view 1."), task: "{{ inputs.topic }} {{ item }}" } },
          },
          writes: { seen: "output" },
        },
        talk: {
          pattern: "debate",
          with: {
            task: "{{ inputs.topic }}: which?",
            participants: [who("You argue for arches."), who("You argue for beams.")],
          },
        },
        sure: { value: "size(nodes.look.output) > 1" },
        way: { switch: { cases: [{ when: "nodes.sure.output", then: ["race"] }], else: ["never"] } },
        race: {
          race: {
            nodes: {
              quick: { agent: who("You are view 2."), task: "{{ inputs.topic }} quickly" },
              slow: { agent: who("You are slow view 3."), task: "{{ inputs.topic }} slowly" },
            },
          },
        },
        never: { agent: who("You are view 9."), task: "{{ inputs.topic }} never" },
        polish: {
          loop: {
            nodes: { draft: { agent: who("You draft."), task: "{{ inputs.topic }} round {{ round }}" } },
            until: "round >= 2",
            max_rounds: 3,
          },
        },
        gate: { wait: { answer: "Which bridge?" }, after: ["race", "polish", "talk"] },
        end: { template: "{{ state.seen | join: ' ' }} {{ nodes.gate.output }}", after: ["gate"] },
      },
    },
  },
});

export const oneCall = (tag: string): Wish => ({
  key: tag,
  pattern: "run_agent",
  input: { agent: who("You answer."), task: `[${tag}] Say something.` },
});

export const STORIES = {
  "a pipeline that goes back": pipeline,
  "a fan-out": fanOut,
  "a vote": vote,
  "a quorum": quorum,
  "a vote that a person decides": disputed,
  "a ranked vote": ranked,
  "a supervised team": supervised,
  "a hand-over": handedOn,
  "a plan that is made anew": planned,
  "a debate": debated,
  "a draft that is refined": refined,
  "a workflow of all kinds of nodes": graph,
} as const;
export type Story = keyof typeof STORIES;

/** A pipeline, a fan-out and a vote at once. */
export const stories = (tag: string): readonly Wish[] => [pipeline(`${tag} p`), fanOut(`${tag} f`), vote(`${tag} v`)];

/** A turn of somebody who argues until it has been answered, and then agrees with whoever it names. */
const argued = (bridge: string, isAnswered: boolean, agreed = bridge) => ({
  message: isAnswered ? "I see." : bridge === "arch" ? "arches carry more" : "beams carry less, and cost less",
  position: isAnswered ? agreed : bridge,
  agreed: isAnswered,
  agrees_with: [],
  confidence: 0.8,
});

/** Which story it is: what one agent asks another must tell it too. */
const tagIn = (user: string): string => /\[[^\]]+\]/.exec(user)?.[0] ?? "";

/** How each of them answers; the same question always in the same words. */
const ROLES: readonly (readonly [said: RegExp, answer: (user: string, nr: string) => Reply])[] = [
  [/You draft\./, (user) => ({ text: user.includes("# What was wrong") ? "Draft two." : "Draft one." })],
  [/You edit\./, (user) => ({ text: user.includes("Draft two.") ? "Edited two." : "Edited one." })],
  [
    /You criticise\./,
    (user) => ({ json: user.includes("Edited two.") ? { score: 1, reasons: [] } : { score: 0.1, reasons: ["thin"] } }),
  ],
  [/You sign\./, (user) => ({ text: `Signed: ${/Edited \w+\./.exec(user)?.[0]}` })],
  [/You are view (\d+)\./, (_, nr) => ({ text: `View ${nr}.` })],
  [/You are slow view (\d+)\./, (_, nr) => ({ text: `View ${nr}.`, latency_ms: 1500 })],
  [/You join\./, (user) => ({ text: `Joined: ${user.match(/View \d+\./g)?.join(" ")}` })],
  [
    /You are voter (\d+)\./,
    (_, nr) => ({ json: { choice: nr === "3" ? "beam" : "arch", confidence: 0.8, reason: `voter ${nr}` } }),
  ],
  [
    /You are ranker (\d+)\./,
    (_, nr) => ({
      json: { ranking: nr === "3" ? ["beam", "arch"] : ["arch", "beam"], confidence: 0.8, reason: `ranker ${nr}` },
    }),
  ],
  [
    /You lead\./,
    (user) => {
      const done = user.match(/View \d\./g)?.length ?? 0;
      if (done >= 3) return { json: { done: true, answer: "All of it.", reason: "enough" } };
      const [left, right] = TWO;
      const both = [
        { worker: left, task: `${tagIn(user)} Look left.` },
        { worker: right, task: `${tagIn(user)} Look right.` },
      ];
      const third = [{ worker: left, task: `${tagIn(user)} Look again.`, reads: [1, 2] }];
      return { json: { done: false, assignments: done === 0 ? both : third, reason: "more is needed" } };
    },
  ],
  [
    /You pass it on\./,
    () => ({ json: { action: "hand_off", to: TWO[1], notes: "It is the left pier.", reason: "not my field" } }),
  ],
  [/You finish\./, () => ({ json: { action: "answer", answer: "Mended.", reason: "my field" } })],
  [
    /You plan\./,
    (user) => {
      const [left, right] = TWO;
      const first = [
        { id: "a", task: "Look left.", worker: left, after: [], reads: [] },
        { id: "b", task: "Look right.", worker: right, after: [], reads: [] },
        { id: "c", task: "Compare.", worker: left, after: [], reads: ["a", "b"] },
      ];
      const more = [{ id: "d", task: "Look below.", worker: right, after: ["c"], reads: ["c"] }];
      const tasks = user.includes("too few sides") ? more : first;
      return { json: { approach: "From all sides.", plan: { tasks } } };
    },
  ],
  [
    /You validate\./,
    (user) => {
      const ok = (user.match(/View \d\./g)?.length ?? 0) > 3;
      return { json: { ok, problems: ok ? [] : ["too few sides"], confidence: 0.9 } };
    },
  ],
  [/You argue for arches\./, (user) => ({ json: argued("arch", user.includes("beams carry less")) })],
  [/You argue for beams\./, (user) => ({ json: argued("beam", user.includes("arches carry more"), "arch") })],
  [/You decide\./, () => ({ json: { decision: "arch", choice: "arch", reason: "it carries more", confidence: 0.9 } })],
  [/You make\./, (user) => ({ text: `Text ${(user.match(/Text \d/g)?.length ?? 0) + 1}.` })],
  [
    /You score\./,
    (user) => ({ json: { criterion_1: { reason: "so far", score: user.includes("Text 1.") ? 0.5 : 0.95 } } }),
  ],
  [/You judge\./, () => ({ json: { choice: "arch", reason: "two of three" } })],
];

export function answer({ system, user }: Pick<Asked, "system" | "user">): Reply {
  for (const [said, reply] of ROLES) {
    const match = said.exec(system);
    if (match) return reply(user, match[1] ?? "");
  }
  return { text: "Something." };
}

/** A vendor that tells these stories, in its own time, and bills in full what its client gave up. */
export const tellStories = (manner: Reply = {}, options: VendorOptions = {}): Promise<Vendor> =>
  startVendor({ prices: PRICES, bill_aborted: true, script: (asked) => ({ ...answer(asked), ...manner }), ...options });

/** From now on nobody is answered before what this returns is called; then all are. */
export function holdBack(vendor: Vendor): () => void {
  let answerNow = (): void => undefined;
  const told = new Promise<void>((resolve) => {
    answerNow = resolve;
  });
  vendor.follow(async (asked) => {
    await told;
    return answer(asked);
  });
  return answerNow;
}
