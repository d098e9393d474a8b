import { describe, expect, test } from "vitest";
import { lintWorkflow } from "../../src/workflows/lint.ts";
import { told } from "../../src/workflows/problems.ts";
import { parseWorkflow, readWorkflow } from "../../src/workflows/read.ts";
import { workflowSchema } from "../../src/workflows/schema.ts";
import { marked, worldOf } from "./world.ts";

const SAVED = {
  third: "nodes: {a: {pattern: fan_out, with: {task: x, agents: [writer, critic]}}}",
  second: "nodes: {a: {workflow: third}}",
};

/** What is said of a text that must be right. */
function advice(text: string): string[] {
  const world = worldOf(SAVED);
  expect(readWorkflow(text, world).problems.map(told)).toEqual([]);
  const { definition, place } = parseWorkflow(text);
  return place(lintWorkflow(definition!, world)).map(told);
}

const CAREFUL = "on_error: human";
const SHAPE = "output_schema: {type: object, properties: {ok: {type: boolean}}}";

describe("a careful reader would change", () => {
  test.each([
    [
      "a workflow of one agent",
      "«nodes:\n  a: {agent: writer, task: x}",
      "`nodes`: one agent and nothing else needs no workflow; run_agent does the same with less",
    ],
    [
      "two agents that are told nearly the same",
      `nodes:\n  a: {agent: writer, task: x, ${SHAPE}}\n  b: {agent: «scribe, task: x, ${SHAPE}}`,
      "`nodes.b.agent`: `writer` and `scribe` are told nearly the same; use one of them, or give each a task of its own",
    ],
    [
      "a join of answers that have no form",
      `nodes:\n  a: {agent: writer, task: x}\n  b: {agent: critic, task: x}\n  «c: {agent: judge, task: "{{ nodes.a.output }} {{ nodes.b.output }}", ${CAREFUL}}`,
      "`nodes.c`: it joins `a` and `b`, whose answers have no form; give each an `output_schema`, so that nothing is lost or made up where they meet",
    ],
    [
      "a step that reads everything",
      `nodes:
  a: {template: x}
  b: {agent: writer, task: "{{ nodes.a.output }}"}
  c: {agent: critic, task: "{{ nodes.b.output }}"}
  d: {agent: writer, task: "{{ nodes.c.output }}"}
  «e: {agent: judge, task: "{{ nodes.a.output }} {{ nodes.b.output }} {{ nodes.c.output }} {{ nodes.d.output }}", ${CAREFUL}}`,
      "`nodes.e`: `e` reads everything that was made before it; name what it needs; a shorter prompt is cheaper, faster and better understood",
    ],
    [
      "a deed that is done even where what it builds on was skipped",
      `inputs: {sum: {type: integer}}
nodes:
  asked: {when: inputs.sum > 100, wait: {approval: "{{ inputs.sum }}"}}
  text: {template: "{{ inputs.sum }}"}
  «pay: {after: [asked], http: {method: POST, url: "https://x.example/{{ nodes.text.output }}"}, effect: true}`,
      '`nodes.pay`: `pay` is done even where `asked` was skipped, since it follows others as well; say `when: nodes.asked.status == "succeeded"`, or put it into the switch that chooses `asked`',
    ],
    [
      "a step that reads the whole state",
      `state: {k: {type: string, default: x}}\nnodes:\n  a: {template: x, writes: {k: output}}\n  «b: {agent: writer, task: "{{ state | json }}", after: [a], ${CAREFUL}}`,
      "`nodes.b`: `b` reads the whole of `state`; name what it needs; a shorter prompt is cheaper, faster and better understood",
    ],
    [
      "a step of high risk without anybody else",
      `nodes:\n  «a: {agent: writer, task: x, high_risk: true, ${SHAPE}}\n  b: {template: "{{ nodes.a.output.ok }}"}`,
      "`nodes.a`: `a` is of high risk, and nobody takes its place if it fails; name others in `fallback`, or let a person decide (`on_error: human`)",
    ],
    [
      "the only source of the output without anybody else",
      'nodes:\n  a: {template: x}\n  «b: {agent: writer, task: "{{ nodes.a.output }}"}\noutput: {text: "{{ nodes.b.output }}"}',
      "`nodes.b`: all that comes out is `b`'s, and nobody takes its place if it fails; name others in `fallback`, or let a person decide (`on_error: human`)",
    ],
    [
      "an effect that nobody takes back",
      'nodes:\n  a: {http: {url: u, method: POST}, «effect: true}\n  b: {template: "{{ nodes.a.output }}"}',
      "`nodes.a.effect`: where a later node fails, nobody takes back what `a` did; say with `compensate` how it is taken back",
    ],
    [
      "a change of the world that says nothing of it",
      "nodes:\n  a: {«http: {url: u, method: DELETE}}",
      "`nodes.a.http`: a DELETE changes something, and after a crash it would be sent a second time; say `effect: true`; " +
        "or `effect: {idempotent: true}` where the receiver knows a request again by its Idempotency-Key",
    ],
    [
      "an effect that is tried again",
      "nodes:\n  a: {http: {url: u, method: POST}, effect: true, «retry: {attempts: 3}}",
      "`nodes.a.retry`: `retry` would do it twice where the first try arrived and its answer did not; say `effect: {idempotent: true}` if that does no harm",
    ],
    [
      "a step after another that it needs nothing of",
      `nodes:\n  a: {agent: writer, task: x}\n  b: {agent: critic, task: x, after: [«a]}\noutput: {a: "{{ nodes.a.output }}", b: "{{ nodes.b.output }}"}`,
      "`nodes.b.after.0`: `b` waits for `a` and takes nothing from it; without `after`, both go on at the same time",
    ],
    [
      "a loop that does not look at its work",
      "nodes:\n  a: {loop: {nodes: {b: {template: x}}, until: «round > 2, max_rounds: 3}}",
      "`nodes.a.loop.until`: `until` looks at nothing that the loop makes, so that it ends by counting alone; " +
        "ask of its nodes whether the work is done, such as `nodes.b.output.done`",
    ],
    [
      "a loop with a huge bound",
      "nodes:\n  a: {loop: {nodes: {b: {template: x}}, until: nodes.b.output == 'y', max_rounds: «500}}",
      "`nodes.a.loop.max_rounds`: 500 rounds are a bound that protects nobody; work that is no better after 5 is rarely better after 50",
    ],
    [
      "a loop whose judge is its maker",
      `nodes:\n  a: {loop: {nodes: {draft: {agent: writer, task: x}, check: {agent: «writer, task: "{{ nodes.draft.output }}", ${SHAPE}}}, until: nodes.check.output.ok, max_rounds: 3}}`,
      "`nodes.a.loop.nodes.check.agent`: `check` judges what `draft` made, and both are `writer`; let another agent judge: nobody finds his own mistakes",
    ],
    [
      "a judge who is one of the voters, where the input is told in part",
      "inputs: {q: {type: object}}\nnodes:\n  a: {pattern: consensus_vote, with: {question: q, options: = inputs.q.choices, voters: [writer, critic], judge: «critic}}",
      "`nodes.a.with.judge`: the judge is one of those whose work is judged; let another agent judge: nobody finds his own mistakes",
    ],
    [
      "more than three levels",
      "nodes:\n  «a: {workflow: second}",
      "`nodes.a`: with this node, patterns and workflows stand 4 levels deep; 3 can be followed, and limits.depth refuses more unless it is raised; take a level out",
    ],
    [
      "an input that nobody reads",
      "inputs:\n  «topic: {type: string}\nnodes: {a: {template: x}}",
      "`inputs.topic`: the input `topic` is read by nobody; put it in where it counts, as `{{ inputs.topic }}`, or take it out",
    ],
    [
      "a state key that nobody reads",
      "state:\n  «k: {type: string}\nnodes: {a: {template: x, writes: {k: output}}}",
      "`state.k`: the state key `k` is read by nobody; take it out",
    ],
    [
      "a state key that nobody writes",
      "state:\n  «k: {type: string, default: x}\nnodes: {a: {value: state.k}}",
      "`state.k`: the state key `k` is written by nobody; make it an input",
    ],
    [
      "a reader that does not wait for the writer",
      "state: {k: {type: string, default: x}}\nnodes:\n  a: {template: x, writes: {k: output}}\n  b: {value: «state.k}",
      "`nodes.b.value`: `state.k` is always its default here, since `a`, which writes it, is not waited for; follow it: `after: [a]`",
    ],
    [
      "a node that nobody reads",
      'nodes:\n  a: {template: x}\n  «b: {agent: critic, task: "{{ nodes.a.output }}"}\noutput: {a: "{{ nodes.a.output }}"}',
      "`nodes.b`: nobody reads what `b` gives; put it into the output, or take the node out",
    ],
    [
      "instructions with places for values",
      `inputs: {x: {type: string}}\nnodes:\n  a: {template: "{{ inputs.x }}"}\n  b: {agent: writer, task: "{{ nodes.a.output }}", instructions: «"Be {{ inputs.x }}", ${CAREFUL}}`,
      "`nodes.b.instructions`: `instructions` stand as they are: nothing is put into them; put values into `task`",
    ],
    [
      "a condition that always holds",
      "nodes:\n  a: {template: x, when: «'1 < 2'}",
      "`nodes.a.when`: this always holds; take it out",
    ],
  ])("%s", (_, yaml, words) => {
    const { text, at } = marked(yaml);
    expect(advice(text)).toEqual([`${at}: ${words}`]);
  });

  test("what a pattern says of its own input, where that is written out", () => {
    const text =
      "nodes:\n  a: {pattern: refine, with: {task: x, maker: writer, critic: writer, criteria: [{name: c, description: d}]}}";
    const { definition } = parseWorkflow(text);
    expect(lintWorkflow(definition!, worldOf()).map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/critic .*writer.* judges its own work/),
    );
  });
});

describe("nothing is said of", () => {
  test.each([
    [
      "a join of answers that have a form",
      `
nodes:
  a: {agent: writer, task: x, ${SHAPE}}
  b: {agent: critic, task: x, ${SHAPE}}
  c: {agent: judge, task: "{{ nodes.a.output | json }} {{ nodes.b.output | json }}", fallback: [writer]}`,
    ],
    [
      "an order that effects need",
      `
nodes:
  a: {http: {url: u, method: PUT}, effect: {idempotent: true}, compensate: {http: {url: v, method: DELETE}}}
  b: {http: {url: w, method: POST}, effect: true, after: [a]}`,
    ],
    [
      "an order that the state needs",
      `
state: {k: {type: string, default: x}}
nodes:
  a: {template: x, writes: {k: output}}
  b: {value: state.k, after: [a]}`,
    ],
    [
      "a node that waits for an approval",
      `
nodes:
  a: {wait: {approval: x}}
  b: {template: x, after: [a]}`,
    ],
    [
      "a loop over the state",
      `
state: {n: {type: number, default: 0}}
nodes:
  a: {loop: {nodes: {b: {value: state.n + 1, writes: {n: output}}}, until: state.n > 3, max_rounds: 9}}`,
    ],
    [
      "a draft that the next round reads",
      `
nodes:
  a:
    loop:
      nodes:
        draft: {agent: writer, task: "x {{ last.notes }}"}
        notes: {agent: critic, task: "{{ nodes.draft.output }}"}
      until: nodes.draft.output == 'done'
      max_rounds: 3
      output: nodes.draft.output`,
    ],
    [
      "an agent that has models of its own to fall back on, and a step where a person decides",
      `
nodes:
  a: {template: x}
  b: {agent: writer, task: "{{ nodes.a.output }}", high_risk: true, on_error: human}`,
    ],
  ])("%s", (_, text) => {
    expect(advice(text)).toEqual([]);
  });

  test("the example of the format", () => {
    const { examples } = workflowSchema() as { examples: unknown[] };
    const { definition } = parseWorkflow(examples[0]);
    expect(lintWorkflow(definition!, worldOf())).toEqual([]);
  });
});
