import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readYaml } from "../../src/core/yaml-text.ts";
import { told } from "../../src/workflows/problems.ts";
import { readWorkflow, soundWorkflow } from "../../src/workflows/read.ts";
import { marked, worldOf } from "./world.ts";

/** One mistake each: the mark stands where it is, and the words are all that is said. */
type Row = readonly [what: string, yaml: string, words: string];

const SAVED = {
  summary: "inputs: {text: {type: string}, words: {type: integer, default: 50}}\nnodes: {x: {template: x}}",
  report: "nodes: {x: {template: x}}\noutput: {text: '{{ nodes.x.output }}', parts: = nodes.x.output, more: {why: so}}",
  pair: "inputs: {one: {type: string}, two: {type: string}}\nnodes: {x: {template: x}}",
  ask: "inputs: {task: {type: string}, level: {type: integer}}\nnodes: {x: {template: x}}",
  circle: "name: circle\ninputs: {task: {type: string}}\nnodes: {x: {workflow: around}}",
};

const wrong = (given: unknown): string[] => readWorkflow(given, worldOf(SAVED)).problems.map(told);

function judged(rows: readonly Row[]): void {
  test.each(rows)("%s", (_, yaml, words) => {
    const { text, at } = marked(yaml);
    expect(wrong(text)).toEqual([`${at}: ${words}`]);
  });
}

describe("a name that nobody has", () => {
  judged([
    [
      "a node in `after`",
      "nodes:\n  draft: {template: x}\n  end: {template: y, after: [«darft]}",
      "`nodes.end.after.0`: there is no node `darft`; did you mean `draft`?",
    ],
    [
      "a node in a template",
      'nodes:\n  draft: {template: x}\n  end: {template: «"Mend {{ nodes.drft.output }}"}',
      "`nodes.end.template`: there is no node `drft`; did you mean `nodes.draft`?",
    ],
    [
      "a node in an expression",
      "nodes:\n  draft: {template: x}\n  end:\n    template: y\n    when: «size(nodes.draftt.output) > 3",
      "`nodes.end.when`: there is no node `draftt`; did you mean `nodes.draft`?",
    ],
    [
      "a node in a switch",
      "nodes:\n  fork: {switch: {cases: [{when: inputs.ok, then: [«goo]}]}}\n  good: {template: x}\ninputs: {ok: {type: boolean}}",
      "`nodes.fork.switch.cases.0.then.0`: there is no node `goo`; did you mean `good`?",
    ],
    [
      "a node that is read from outside of its block",
      "nodes:\n  each: {map: {over: '[1]', nodes: {part: {template: x}}}}\n  end: {value: «nodes.part.output}",
      "`nodes.end.value`: `part` stands inside `each`; from outside, read `nodes.each.output`",
    ],
    [
      "a node that is followed from inside of a block",
      "nodes:\n  first: {template: x}\n  each: {map: {over: '[1]', nodes: {part: {template: x, after: [«first]}}}}",
      "`nodes.each.map.nodes.part.after.0`: `first` stands outside of this block; name it at `each`",
    ],
    [
      "a node in the output",
      "nodes:\n  draft: {template: x}\noutput:\n  text: «= nodes.drat.output",
      "`output.text`: there is no node `drat`; did you mean `nodes.draft`?",
    ],
    [
      "an input",
      "inputs: {topic: {type: string}}\nnodes:\n  a: {template: «'{{ inputs.topci }}'}",
      "`nodes.a.template`: there is no input `topci`; did you mean `inputs.topic`?",
    ],
    [
      "an input where none is declared",
      "nodes:\n  a: {template: «'{{ inputs.topic }}'}",
      "`nodes.a.template`: there is no input `topic`; declare it: `inputs: {topic: {type: string}}`",
    ],
    [
      "a state key that is read",
      "state: {found: {type: array, default: []}}\nnodes:\n  a: {value: «state.fund}",
      "`nodes.a.value`: the state has no key `fund`; did you mean `found`?",
    ],
    [
      "a state key that is written",
      "state: {found: {type: string}}\nnodes:\n  a: {template: x, writes: {«fond: output}}",
      "`nodes.a.writes.fond`: the state has no key `fond`; did you mean `found`?",
    ],
    [
      "a variable",
      "inputs: {topic: {type: string}}\nnodes:\n  a: {value: «size(topic)}",
      "`nodes.a.value`: there is no variable `topic` here (at character 6); did you mean `inputs.topic`?",
    ],
    [
      "a variable of a map, outside of it",
      "nodes:\n  a: {template: «'{{ item }}'}",
      "`nodes.a.template`: there is no variable `item` here; there are inputs, nodes, state",
    ],
    [
      "a node of the round before",
      "nodes:\n  l: {loop: {until: 'round > 2', max_rounds: 3, nodes: {draft: {template: «'{{ last.darft }}'}}}}",
      "`nodes.l.loop.nodes.draft.template`: there is no node `darft`; did you mean `last.draft`?",
    ],
    [
      "an agent",
      "nodes:\n  a: {agent: «writter, task: x}",
      "`nodes.a.agent`: there is no agent `writter`; did you mean `writer`?",
    ],
    [
      "an agent that is asked where another fails",
      "nodes:\n  a: {agent: writer, task: x, fallback: [{agent: «critc}]}",
      "`nodes.a.fallback.0.agent`: there is no agent `critc`; did you mean `critic`?",
    ],
    [
      "an agent in the input of a pattern",
      "nodes:\n  a: {pattern: fan_out, with: {task: x, agents: [writer, «critc]}}",
      "`nodes.a.with.agents.1`: there is no agent `critc`; did you mean `critic`?",
    ],
    [
      "an agent deep in the input of a pattern that is told in part",
      "nodes:\n  n: {value: '3'}\n  a: {pattern: fan_out, with: {task: x, items: = nodes.n.output, agent: writer, aggregator: {agent: «jugde}}}",
      "`nodes.a.with.aggregator.agent`: there is no agent `jugde`; did you mean `judge`?",
    ],
    [
      "a pattern",
      "nodes:\n  a: {pattern: «debat, with: {}}",
      "`nodes.a.pattern`: there is no pattern `debat`; did you mean `debate`?",
    ],
    [
      "a workflow",
      "nodes:\n  a: {workflow: «sumary}",
      "`nodes.a.workflow`: there is no workflow `sumary`; did you mean `summary`?",
    ],
    [
      "a word of a node",
      "nodes:\n  a: {«tmplate: x}",
      "`nodes.a.tmplate`: there is no such name here; did you mean `template`?",
    ],
    [
      "a word deep inside a block",
      "nodes:\n  m: {map: {over: '[1]', nodes: {a: {loop: {nodes: {b: {template: x, «afer: []}}, until: 'true', max_rounds: 1}}}}}",
      "`nodes.m.map.nodes.a.loop.nodes.b.afer`: there is no such name here; did you mean `after`?",
    ],
    [
      "a word of the workflow",
      "nodes: {a: {template: x}}\n«ouput: x",
      "`ouput`: there is no such name here; did you mean `output`?",
    ],
  ]);
});

describe("a field that is not there", () => {
  const shaped = "agent: writer, task: x, output_schema: {type: object, properties: {title: {type: string}}}";
  judged([
    [
      "of a node",
      "nodes:\n  a: {template: x}\n  b: {value: «nodes.a.outptu}",
      "`nodes.b.value`: a node has no `outptu`; did you mean `nodes.a.output`?",
    ],
    [
      "of a node, where it is a field of the output",
      "nodes:\n  a: {value: '1'}\n  b: {value: «nodes.a.title}",
      "`nodes.b.value`: a node has no `title`; did you mean `nodes.a.output.title`?",
    ],
    [
      "of an agent without a schema",
      "nodes:\n  a: {agent: writer, task: x}\n  b: {value: «nodes.a.output.score}",
      "`nodes.b.value`: `nodes.a.output` is a text and has no field `score`: `a` has no `output_schema`; say there what it gives, " +
        "such as `output_schema: {type: object, properties: {score: {type: string}}, required: [score]}`",
    ],
    [
      "of an agent with a schema, nearly right",
      `nodes:\n  a: {${shaped}}\n  b: {value: «nodes.a.output.titel}`,
      "`nodes.b.value`: `nodes.a.output` has no field `titel`; did you mean `nodes.a.output.title`?",
    ],
    [
      "of a closed schema",
      "nodes:\n  a: {http: {url: 'https://x.y/'}, output_schema: {type: object, properties: {id: {type: string}}, additionalProperties: false}}\n  b: {value: «nodes.a.output.price}",
      "`nodes.b.value`: `nodes.a.output` has no field `price`; there is id",
    ],
    [
      "of what a pattern gives",
      "nodes:\n  p: {pattern: consensus_vote, with: {question: q, voters: [writer, critic]}}\n  b: {value: «nodes.p.output.desicion}",
      "`nodes.b.value`: `nodes.p.output` has no field `desicion`; did you mean `nodes.p.output.decision`?",
    ],
    [
      "of what a saved workflow declares",
      "nodes:\n  w: {workflow: report}\n  b: {value: «nodes.w.output.txt + nodes.w.output.parts.any}",
      "`nodes.b.value`: `nodes.w.output` has no field `txt`; did you mean `nodes.w.output.text`?",
    ],
    [
      "of a saved workflow that gives what its last node gives",
      "nodes:\n  w: {workflow: summary, inputs: {text: x}}\n  b: {value: «nodes.w.output.text}",
      "`nodes.b.value`: `nodes.w.output` is a text and has no field `text`",
    ],
    [
      "of a list",
      "nodes:\n  m: {map: {over: '[1]', nodes: {part: {template: x}}}}\n  b: {value: «nodes.m.output.part}",
      "`nodes.b.value`: `nodes.m.output` is a list and has no field `part`; each of its items is what `part` gave",
    ],
    [
      "of the items of a list",
      "nodes:\n  p: {pattern: fan_out, with: {task: x, agents: [writer, critic]}}\n  m: {map: {over: nodes.p.output.branches, nodes: {part: {value: «item.agnt}}}}",
      "`nodes.m.map.nodes.part.value`: `item` has no field `agnt`; did you mean `item.agent`?",
    ],
    [
      "of an own output",
      `nodes:\n  a: {${shaped}, writes: {t: «output.titel}}\nstate: {t: {type: string}}`,
      "`nodes.a.writes.t`: `output` has no field `titel`; did you mean `output.title`?",
    ],
    [
      "of an input",
      "inputs: {order: {type: object, properties: {id: {type: string}, amount: {type: number}}}}\nnodes:\n  a: {value: «inputs.order.amout}",
      "`nodes.a.value`: `inputs.order` has no field `amout`; did you mean `inputs.order.amount`?",
    ],
    [
      "of a loop whose last node is known",
      `nodes:\n  l: {loop: {nodes: {a: {${shaped}}}, until: 'round > 2', max_rounds: 3}}\n  b: {value: «nodes.l.output.tilte}`,
      "`nodes.b.value`: `nodes.l.output` has no field `tilte`; did you mean `nodes.l.output.title`?",
    ],
  ]);

  test("is let pass where it may be there", () => {
    const open = "{type: object, properties: {title: {type: string}}, additionalProperties: {type: number}}";
    const text = `
inputs: {any: {type: object}, list: {type: array}, either: {anyOf: [{type: string}, {type: object}]}}
nodes:
  a: {agent: writer, task: x, output_schema: ${open}}
  h: {http: {url: x}}
  b: {value: nodes.a.output.titel + nodes.h.output.deep.down + inputs.any.thing + inputs.either.x}
  c: {template: "{{ nodes.c2.output.size }} {{ inputs.list.first.x }} {{ inputs.list[0].name }}"}
  c2: {agent: writer, task: x}
`;
    expect(wrong(text)).toEqual([]);
  });
});

describe("words that do not go together", () => {
  judged([
    [
      "two kinds",
      "nodes:\n  a: {agent: writer, task: x, «template: y}",
      "`nodes.a.template`: `a` does two things, `agent` and `template`; make a node of each",
    ],
    [
      "no kind",
      "nodes:\n  «a: {when: 'inputs.ok'}\ninputs: {ok: {type: boolean}}",
      "`nodes.a`: `a` does nothing; it needs one of agent, pattern, workflow, template, value, http, file, control, map, loop, race, switch, wait",
    ],
    [
      "an agent without a task",
      "nodes:\n  a: {«agent: writer}",
      "`nodes.a.agent`: `task` is missing: what the agent is to do",
    ],
    [
      "a word of another kind",
      "nodes:\n  a: {template: x, «fallback: [writer]}",
      "`nodes.a.fallback`: `fallback` does not go with `template`; it goes with `agent`",
    ],
    [
      "the inputs of a workflow at a pattern",
      "nodes:\n  a: {pattern: run_agent, with: {agent: writer, task: x}, «inputs: {a: b}}",
      "`nodes.a.inputs`: `inputs` does not go with `pattern`; it goes with `workflow`; write `with`",
    ],
    [
      "a workflow that is written as a pattern",
      "nodes:\n  a: {«pattern: run_workflow, with: {name: summary}}",
      "`nodes.a.pattern`: a workflow inside another is a node of its own kind; write `workflow: NAME`, and `inputs`",
    ],
    [
      "an effect of what changes nothing",
      "nodes:\n  a: {template: x, «effect: true}",
      "`nodes.a.effect`: `effect` goes with `http` and `control`; this node changes nothing outside",
    ],
    [
      "a way back from nothing",
      "nodes:\n  a: {http: {url: u}, «compensate: {http: {url: v}}}",
      "`nodes.a.compensate`: `compensate` takes an effect back, and this node has none; say `effect: true`",
    ],
    [
      "a look at what may be repeated anyway",
      "nodes:\n  a: {http: {method: PUT, url: u}, «verify: {http: {url: v}, done: output.there}}",
      "`nodes.a.verify`: `verify` tells whether an effect was had, and this node says of none that it may not be repeated; say `effect: true`",
    ],
    [
      "a wait for nothing",
      "nodes:\n  a: {«wait: {}}",
      "`nodes.a.wait`: it waits for nothing; say one of approval, answer, event, seconds",
    ],
    [
      "a wait for two things",
      "nodes:\n  a: {wait: {approval: x, «seconds: 5}}",
      "`nodes.a.wait.seconds`: it waits for two things, `approval` and `seconds`; make a node of each",
    ],
    [
      "a pause that expires",
      "nodes:\n  a: {wait: {seconds: 5, «within_seconds: 3}}",
      "`nodes.a.wait.within_seconds`: `within_seconds` means nothing in a pause",
    ],
    [
      "an answer for a time that never comes",
      "nodes:\n  a: {wait: {answer: x, «default: y}}",
      "`nodes.a.wait.default`: without `within_seconds` it never expires",
    ],
    [
      "an action that nobody approves",
      "nodes:\n  a: {wait: {answer: x, «action: {name: pay}}}",
      "`nodes.a.wait.action`: `action` goes with `approval`, and this waits for an answer",
    ],
    [
      "a pause that named approvers may end",
      "nodes:\n  a: {wait: {seconds: 5, «approvers: [ada]}}",
      "`nodes.a.wait.approvers`: `approvers` means nothing in a pause",
    ],
    [
      "an approval that the model may give and only named approvers may",
      "nodes:\n  a: {wait: {approval: x, «self: true, approvers: [ada]}}",
      "`nodes.a.wait.self`: `self` lets the model decide that has called for the run, and `approvers` only those it names; leave one of them out",
    ],
    [
      "an event that is told again",
      "nodes:\n  a: {wait: {event: {type: t}, «escalate: {after_seconds: 5}}}",
      "`nodes.a.wait.escalate`: `escalate` goes with `approval`, and this waits for an event",
    ],
    [
      "an answer that is approved by nobody",
      "nodes:\n  a: {wait: {answer: x, within_seconds: 5, on_expiry: «approve}}",
      "`nodes.a.wait.on_expiry`: `approve` is for an approval, and this waits for an answer",
    ],
    [
      "a race of one",
      "nodes:\n  a: {«race: {nodes: {x: {template: x}}}}",
      "`nodes.a.race`: a race needs two nodes or more, and this one has one",
    ],
    [
      "a race in which one waits for the other",
      "nodes:\n  a: {race: {nodes: {x: {template: x}, «y: {template: '{{ nodes.x.output }}'}}}}",
      "`nodes.a.race.nodes.y`: the nodes of a race run against each other, and this one follows `x`; put the two into one block or a workflow of their own",
    ],
    [
      "a block without nodes",
      "nodes:\n  a: {map: {over: '[1]', «nodes: {}}}",
      "`nodes.a.map.nodes`: there are no nodes here; at least one is needed",
    ],
    [
      "a name inside that is one outside too",
      "nodes:\n  a: {template: x}\n  m: {map: {over: '[1]', nodes: {«a: {template: y}}}}",
      "`nodes.m.map.nodes.a`: the name `a` is that of a node around this block; inside, choose another",
    ],
    [
      "a name that CEL cannot read",
      "nodes:\n  «in: {template: x}",
      "`nodes.in`: the name `in` is reserved; choose another",
    ],
    [
      "a name that every object has",
      "nodes:\n  «constructor: {template: x}",
      "`nodes.constructor`: the name `constructor` is reserved; choose another",
    ],
    [
      "a name that is none",
      "nodes:\n  «my-node: {template: x}",
      "`nodes.my-node`: a name begins with a letter and has letters, digits and _ (at most 64)",
    ],
    [
      "an input called event beside `on`",
      "on: [{type: order.paid}]\ninputs: {«event: {type: object}}\nnodes: {a: {template: x}}",
      "`inputs.event`: the name `event` is reserved: with `on`, it is the input that holds the event",
    ],
  ]);
});

describe("ways that do not lead on", () => {
  judged([
    [
      "a circle",
      "nodes:\n  «draft: {template: '{{ nodes.review.output }}'}\n  review: {template: '{{ nodes.draft.output }}'}",
      "`nodes.draft`: these nodes follow each other in a circle without a bound: draft → review → draft; put them into a `loop` with `until` and `max_rounds`",
    ],
    [
      "a node that follows itself",
      "nodes:\n  «a: {template: x, after: [a]}",
      "`nodes.a`: `a` follows itself; to do it again, put it into a `loop` with `until` and `max_rounds`",
    ],
    [
      "a circle through a switch",
      "nodes:\n  «a: {template: '{{ nodes.s.status }}'}\n  s: {switch: {cases: [{when: nodes.b.output == 'x', then: [a]}]}}\n  b: {template: '{{ nodes.a.output }}'}",
      "`nodes.a`: these nodes follow each other in a circle without a bound: a → b → s → a; put them into a `loop` with `until` and `max_rounds`",
    ],
    [
      "a loop without a bound",
      "nodes:\n  a: {«loop: {nodes: {x: {template: x}}, until: nodes.x.output == 'y'}}",
      "`nodes.a.loop`: a loop without a bound: `max_rounds` is missing; say how often it may go round at most, such as `max_rounds: 5`",
    ],
    [
      "a condition that never holds",
      "nodes:\n  a: {template: x, when: «'1 > 2'}",
      "`nodes.a.when`: `a` can never be played: its `when` never holds; mend `when`, or take the node out",
    ],
    [
      "a case behind one that always holds",
      "nodes:\n  s: {switch: {cases: [{when: 'true', then: [a]}], else: [b]}}\n  a: {template: x}\n  «b: {template: x}",
      "`nodes.b`: `b` can never be played: no case of `s` that names it can be taken",
    ],
    [
      "a workflow that plays itself",
      "name: me\nnodes:\n  a: {workflow: «me}",
      "`nodes.a.workflow`: the workflow plays itself: me → me; to do something again, use a `loop`",
    ],
    [
      "a workflow that plays itself by way of another",
      "name: around\nnodes:\n  a: {agent: «circle, task: x}",
      "`nodes.a.agent`: the workflow plays itself: around → circle → around; to do something again, use a `loop`",
    ],
  ]);

  test("nodes that follow only what can never be played are told too", () => {
    const text =
      "nodes:\n  a: {template: x, when: 'false'}\n  b: {template: '{{ nodes.a.output }}'}\n  c: {template: x, after: [b]}";
    expect(wrong(text)).toEqual([
      "2:26: `nodes.a.when`: `a` can never be played: its `when` never holds; mend `when`, or take the node out",
      "3:3: `nodes.b`: `b` can never be played: it follows `a`, which never is",
      "4:3: `nodes.c`: `c` can never be played: it follows `b`, which never is",
    ]);
  });
});

describe("a state that nobody could tell", () => {
  judged([
    [
      "a key without a type",
      "state:\n  «found: {description: what was found}\nnodes: {a: {template: x}}",
      "`state.found`: `found` has no type, so nobody can tell what may be written to it; say one, such as `type: string`",
    ],
    [
      "a merge that does not go with the type",
      "state:\n  found: {type: string, merge: «append}\nnodes: {a: {template: x}}",
      "`state.found.merge`: `merge: append` is for type: array, and this is string",
    ],
    [
      "a default that does not fit",
      "state:\n  found: {type: string, default: «5}\nnodes: {a: {template: x}}",
      "`state.found.default`: the default does not fit: the value must be string",
    ],
    [
      "two that write at once",
      "state: {best: {type: string}}\nnodes:\n  a: {template: x, writes: {best: output}}\n  b: {template: x, writes: {«best: output}}",
      "`nodes.b.writes.best`: `a` and `b` may write `best` at once, and nobody could tell whose value counts; let one follow the other (`after`), " +
        "or say under `state` how the values become one: `merge: append`, union, sum, max, min or merge",
    ],
    [
      "two that write at once, one of them deep inside",
      "state: {best: {type: string}}\nnodes:\n  a: {template: x, writes: {best: output}}\n  «l: {loop: {nodes: {b: {template: x, writes: {best: output}}}, until: 'round > 1', max_rounds: 2}}",
      "`nodes.l`: `a` and `l` may write `best` at once, and nobody could tell whose value counts; let one follow the other (`after`), " +
        "or say under `state` how the values become one: `merge: append`, union, sum, max, min or merge",
    ],
    [
      "the items of a map that write",
      "state: {best: {type: string}}\nnodes:\n  m: {map: {over: '[1, 2]', nodes: {a: {template: x, writes: {«best: output}}}}}",
      "`nodes.m.map.nodes.a.writes.best`: every item of `m` writes `best`, and they go on at once; say under `state` how the values become one: " +
        "`merge: append`, union, sum, max, min or merge",
    ],
    [
      "the items of a map that write in a loop",
      "state: {best: {type: string}}\nnodes:\n  m: {map: {over: '[1, 2]', nodes: {«l: {loop: {until: 'round > 1', max_rounds: 2, nodes: {a: {template: x, writes: {best: output}}}}}}}}",
      "`nodes.m.map.nodes.l`: every item of `m` writes `best`, and they go on at once; say under `state` how the values become one: " +
        "`merge: append`, union, sum, max, min or merge",
    ],
    [
      "a key that nobody has written before",
      "state: {best: {type: string}}\nnodes:\n  a: {template: x, writes: {best: output}}\n  b: {value: «state.best}",
      "`nodes.b.value`: `state.best` has no default, and no node before this one writes it; give it a default, or follow who writes it: `after: [a]`",
    ],
    [
      "a key that is written only afterwards, in a loop",
      "state: {best: {type: string}}\nnodes:\n  l: {loop: {until: 'round > 1', max_rounds: 2, nodes: {a: {value: «state.best}, b: {template: x, after: [a], writes: {best: output}}}}}",
      "`nodes.l.loop.nodes.a.value`: `state.best` has no default, and no node before this one writes it; give it a default, or write it before (`writes: {best: output}`)",
    ],
  ]);

  test.each([
    [
      "a merge",
      "state: {n: {type: number, merge: sum}}\nnodes:\n  a: {value: '1', writes: {n: output}}\n  b: {value: '2', writes: {n: output}}",
    ],
    [
      "an order",
      "state: {n: {type: number}}\nnodes:\n  a: {value: '1', writes: {n: output}}\n  b: {value: state.n + 1, after: [a], writes: {n: output}}",
    ],
    [
      "different cases of one switch, however far behind it",
      `
inputs: {n: {type: integer}}
state: {n: {type: string}}
nodes:
  s: {switch: {cases: [{when: inputs.n > 1, then: [a]}, {when: inputs.n > 0, then: [b]}], else: [c]}}
  a: {template: a, writes: {n: output}}
  b: {template: b}
  b2: {template: "{{ nodes.b.output }}", writes: {n: output}}
  c: {switch: {cases: [{when: "inputs.n == 0", then: [d]}], else: [e]}}
  d: {template: d, writes: {n: output}}
  e: {template: e, writes: {n: output}}
  f: {template: "{{ state.n }}", after: [a, b2, d, e]}`,
    ],
    [
      "a race, of which one is counted",
      "state: {n: {type: string}}\nnodes:\n  r: {race: {nodes: {a: {template: a, writes: {n: output}}, b: {template: b, writes: {n: output}}}}}",
    ],
    [
      "a loop around them",
      "state: {n: {type: number, default: 0}}\nnodes:\n  l: {loop: {nodes: {a: {value: state.n + 1, writes: {n: output}}}, until: state.n > 3, max_rounds: 9}}\noutput: = state.n",
    ],
  ])("writes of one key are let pass with %s", (_, text) => {
    expect(wrong(text)).toEqual([]);
  });
});

describe("what cannot be read", () => {
  judged([
    [
      "a template",
      "nodes:\n  a: {template: «'Hello {{ inputs.x '}",
      '`nodes.a.template`: the template cannot be used: output "{{ inputs.x " not closed (line 1, character 7)',
    ],
    [
      "a template of many lines",
      "nodes:\n  a: {template: x}\n  b:\n    template: «|\n      one\n      two {{ nodes.a.output | upcas }}",
      "`nodes.b.template`: the template cannot be used: undefined filter: upcas (line 2, character 5)",
    ],
    [
      "an expression, counted from the first character that is written",
      "nodes:\n  a: {template: «'= 1 + '}",
      "`nodes.a.template`: the expression `1 + ` cannot be used: Unexpected token: EOF (at character 7)",
    ],
    [
      "a condition that is no question",
      "nodes:\n  a: {template: x, when: «'1 + 1'}",
      "`nodes.a.when`: the condition `1 + 1` cannot be used: it gives int, not true or false",
    ],
    [
      "what an awaited event must be",
      "nodes:\n  a: {wait: {event: {type: t, where: «evnt.data.x == 1}}}",
      "`nodes.a.wait.event.where`: there is no variable `evnt` here (at character 1); did you mean `event`?",
    ],
    [
      "what a starting event must be",
      "on:\n  - {type: t, where: «= evnt.data.x == 1}\nnodes: {a: {template: x}}",
      "`on.0.where`: there is no variable `evnt` here (at character 3); did you mean `event`?",
    ],
    [
      "which nodes a template reads",
      "nodes:\n  a: {template: x}\n  b: {template: «'{{ nodes | json }}'}",
      "`nodes.b.template`: it reads `nodes` as a whole, so that nobody can tell which nodes it follows; read each by its name: nodes.NAME.output",
    ],
    [
      "which node an expression reads",
      "nodes:\n  a: {template: x}\n  b: {value: «'nodes[inputs.which].output'}\ninputs: {which: {type: string}}",
      "`nodes.b.value`: it reads `nodes` as a whole, so that nobody can tell which nodes it follows; read each by its name: nodes.NAME.output",
    ],
    [
      "an output before it is there",
      "state: {k: {type: string}}\nnodes:\n  a: {template: x, writes: {k: «nodes.a.output}}",
      "`nodes.a.writes.k`: its own output is read as `output` here, not as `nodes.a.output`",
    ],
    [
      "an own output, before the node is played",
      "nodes:\n  l: {loop: {nodes: {a: {template: «'{{ nodes.a.output }}'}}, until: 'round > 1', max_rounds: 2}}",
      "`nodes.l.loop.nodes.a.template`: `a` reads itself before it has been played; what it gave in the round before is `last.a`",
    ],
    [
      "a block, from inside of it",
      "nodes:\n  m: {map: {over: '[1]', nodes: {a: {template: «'{{ nodes.m.output }}'}}}}",
      "`nodes.m.map.nodes.a.template`: `m` is the block around this node, and has not ended yet",
    ],
    ["a tab", "nodes:\n«\ta: 1", "a tab is used to indent: use spaces"],
    ["a name twice", "nodes:\n  a: {template: x}\n  «a: {template: y}", "this name stands here twice"],
    ["a list for a workflow", "«- a", "a workflow is an object with `nodes`"],
    ["nothing to do", "«name: x", "`nodes` is missing"],
  ]);
});

describe("inputs that do not fit", () => {
  judged([
    [
      "a default",
      "inputs:\n  n: {type: integer, default: «many}\nnodes: {a: {template: x}}",
      "`inputs.n.default`: the default does not fit: the value must be integer",
    ],
    [
      "a schema that is none",
      "inputs:\n  n: «{type: string, minLength: -1}\nnodes: {a: {template: x}}",
      "`inputs.n`: this is no usable JSON Schema: schema is invalid: data/minLength must be >= 0",
    ],
    [
      "an output_schema that is none",
      "nodes:\n  a: {agent: writer, task: x, output_schema: «{type: objct}}",
      "`nodes.a.output_schema`: this is no usable JSON Schema: schema is invalid: data/type must be equal to one of the allowed values, data/type must be array, data/type must match a schema in anyOf",
    ],
    [
      "a pattern's, misspelt",
      "nodes:\n  a: {pattern: run_agent, with: {agent: writer, task: x, «outputschema: {}}}",
      "`nodes.a.with.outputschema`: `run_agent`: there is no such name here; did you mean `output_schema`?",
    ],
    [
      "a pattern's, missing",
      "nodes:\n  a: {pattern: run_agent, «with: {agent: writer}}",
      "`nodes.a.with`: `task` is missing in the input of `run_agent`",
    ],
    [
      "a pattern's, missing deep inside",
      "nodes:\n  a: {pattern: run_pipeline, with: {task: x, steps: [{agent: writer}, «{name: second}]}}",
      "`nodes.a.with.steps.1`: `agent` is missing in the input of `run_pipeline`",
    ],
    [
      "a pattern's, of another type",
      "nodes:\n  a: {pattern: fan_out, with: {task: x, agents: «writer}}",
      "`nodes.a.with.agents`: expected array, but this is string",
    ],
    [
      "a pattern's, where a text is put together and a number is wanted",
      "inputs: {n: {type: integer}}\nnodes:\n  a: {pattern: fan_out, with: {task: x, agents: [writer, critic], quorum: «'{{ inputs.n }}'}}",
      "`nodes.a.with.quorum`: expected number; a template gives a text; `= …` gives the value itself",
    ],
    [
      "a pattern's, as the pattern itself says",
      "nodes:\n  a: {pattern: fan_out, «with: {task: x, agents: [writer, critic], quorum: 3}}",
      "`nodes.a.with`: a quorum of 3 cannot be reached by 2 branches; Give a quorum from 1 to 2.",
    ],
    [
      "a workflow's, misspelt",
      "nodes:\n  a: {workflow: summary, inputs: {text: x, «word: 5}}",
      "`nodes.a.inputs.word`: the workflow `summary` has no input `word`; did you mean `words`?",
    ],
    [
      "a workflow's, missing",
      "nodes:\n  a: {workflow: summary, «inputs: {words: 5}}",
      "`nodes.a.inputs`: the input `text` of `summary` is missing",
    ],
    [
      "a workflow's, of another type",
      "nodes:\n  a: {workflow: summary, inputs: {text: x, words: «five}}",
      "`nodes.a.inputs.words`: it does not fit the input `words` of `summary`: the value must be integer",
    ],
  ]);

  test("are judged only as far as they are written out", () => {
    const text = `
inputs: {n: {type: integer}, who: {type: string}}
nodes:
  a: {pattern: fan_out, with: {task: "About {{ inputs.who }}", agents: ["{{ inputs.who }}", critic], quorum: = inputs.n}}
  b: {pattern: fan_out, with: {task: x, items: = nodes.a.output.branches, agent: writer}}
  c: {workflow: summary, inputs: {text: "{{ nodes.b.output.merged }}", words: = inputs.n}}
`;
    expect(wrong(text)).toEqual([]);
  });
});

describe("a definition", () => {
  const good = `
name: good
description: Writes and mends until it is good.
inputs: {topic: {type: string}}
state: {notes: {type: array, merge: append, default: []}}
nodes:
  ideas: {agent: writer, task: "Three ideas about {{ inputs.topic }}", output_schema: {type: object, properties: {ideas: {type: array}}}}
  each:
    map:
      over: nodes.ideas.output.ideas
      nodes:
        text: {agent: writer, task: "{{ item }} ({{ index }})", writes: {notes: "[output]"}}
  mend:
    loop:
      nodes:
        draft: {agent: writer, task: "{{ nodes.each.output | json }} {{ last.score.points }}"}
        score: {agent: critic, task: "{{ nodes.draft.output }}", output_schema: {type: object, properties: {points: {type: number}}}}
      until: nodes.score.output.points > 7
      max_rounds: 3
      output: nodes.draft.output
  ask: {wait: {approval: "Shall it go out?\\n{{ nodes.mend.output }}", within_seconds: 60, on_expiry: skip}}
  send: {http: {method: POST, url: "https://example.com/", body: {text: "{{ nodes.mend.output }}"}}, effect: true, after: [ask]}
output: {text: "{{ nodes.mend.output }}", notes: = state.notes, sent: = nodes.send.status}
`;

  test("that is right is read from YAML, JSON and data alike", () => {
    const data = readYaml(good).value;
    expect(wrong(good)).toEqual([]);
    const [first, ...others] = [good, JSON.stringify(data), JSON.stringify(data, null, 2), data].map((given) =>
      soundWorkflow(given, worldOf()),
    );
    for (const other of others) expect(other).toEqual(first);
  });

  test("that is torn, doubled or mixed up anywhere is read without harm, and each problem has its place", () => {
    const words = good.split(/(?<=\W)|(?=\W)/);
    const cut = fc.record({ at: fc.nat(words.length), gone: fc.nat(6), from: fc.nat(words.length), put: fc.nat(6) });
    fc.assert(
      fc.property(fc.array(cut, { minLength: 1, maxLength: 3 }), (cuts) => {
        const torn = [...words];
        for (const { at, gone, from, put } of cuts) torn.splice(at, gone, ...words.slice(from, from + put));
        for (const { line, column } of readWorkflow(torn.join(""), worldOf(SAVED)).problems) {
          expect(line).toBeGreaterThan(0);
          expect(column).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("in JSON has lines and columns too", () => {
    expect(wrong('{\n  "nodes": {\n    "a": {"agent": "writr", "task": "x"}\n  }\n}')).toEqual([
      "3:20: `nodes.a.agent`: there is no agent `writr`; did you mean `writer`?",
    ]);
  });

  test("given as data has paths, and the failure says all that is wrong", () => {
    const data = { nodes: { a: { agent: "writr", task: "{{ nodes.b.output }}" } } };
    expect(() => soundWorkflow(data, worldOf())).toThrow(
      expect.objectContaining({
        code: "INVALID_WORKFLOW",
        message:
          "The workflow cannot be used:\n- `nodes.a.task`: there is no node `b`; there is a\n" +
          "- `nodes.a.agent`: there is no agent `writr`; did you mean `writer`?",
      }),
    );
  });

  test("of more than two thousand nodes is refused, wherever they stand", () => {
    const many = (count: number) =>
      Object.fromEntries([...Array(count).keys()].map((i) => [`n${i}`, { template: "x" }]));
    expect(wrong({ nodes: many(2000) })).toEqual([]);
    expect(wrong({ nodes: { m: { map: { over: "[1]", nodes: many(2000) } } } })).toEqual([
      "`nodes`: 2001 nodes are more than 2000; put parts into workflows of their own",
    ]);
  });

  test("that is nested without an end is refused, and nothing breaks", () => {
    let deep: object = {};
    for (let i = 0; i < 50_000; i++) deep = { deep };
    expect(wrong({ nodes: { a: { pattern: "fan_out", with: deep } } })).toEqual(["it is nested too deep"]);
  });

  test("of two thousand nodes in a chain that writes and reads the state is checked", () => {
    const nodes = Object.fromEntries(
      [...Array(2000).keys()].map((i) => [
        `n${i}`,
        { value: i ? `nodes.n${i - 1}.output + state.k` : "1", writes: { k: "output" } },
      ]),
    );
    expect(wrong({ state: { k: { type: "number" } }, nodes })).toEqual([]);
  });
});
