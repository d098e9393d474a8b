import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readYaml } from "../../src/core/yaml-text.ts";
import { ROOT } from "../sources.ts";
import { openStage } from "./stage.ts";

const FOLDER = join(ROOT, "examples", "templates");
const TEMPLATES = readdirSync(FOLDER).flatMap((file) => (file.endsWith(".yaml") ? file.replace(".yaml", "") : []));

interface Template {
  readonly description?: string;
  readonly on?: readonly { readonly type: string }[];
  readonly inputs?: Readonly<Record<string, { readonly default?: unknown; readonly required?: boolean }>>;
}

const read = (name: string): Template => readYaml(readFileSync(join(FOLDER, `${name}.yaml`), "utf8")).value as Template;

/** What starts a template that is started by events. */
const EVENTS: Readonly<Record<string, object>> = {
  "order-events": { type: "order.placed", data: { order: "4711", items: ["bell"], address: "Basel" } },
  "ci-repair": { type: "build.failed", data: { log: "src/a.ts(3,1): error TS1005: ';' expected." } },
  watcher: { type: "run.dead", data: { run_id: "r_nobody" } },
};

const openTemplates = (settings: object = {}) =>
  openStage("templates", {
    BATON_WORKFLOWS: JSON.stringify([FOLDER]),
    BATON_REHEARSAL: JSON.stringify(true),
    ...settings,
  });

/** Nothing came of it: null, or nothing but nulls. */
const isEmpty = (output: unknown): boolean =>
  typeof output === "object" ? Object.values(output ?? {}).every((part) => part === null) : output === undefined;

/** The watcher is told of a run that is not there. */
const LESS: Readonly<Record<string, object>> = {
  watcher: { degraded: [expect.stringContaining("there is no run")], isEmpty: true },
};

test.each(TEMPLATES)("%s says when to use it and when not, and needs nothing but defaults", (name) => {
  const { description = "", inputs = {}, on = [] } = read(name);
  expect(description).toMatch(/\bUse it\b.*\b[Nn]ot\b/);
  for (const [input, { default: value, required }] of Object.entries(inputs))
    expect(value !== undefined || required === false, `${name}: ${input}`).toBe(true);
  expect(Object.hasOwn(EVENTS, name)).toBe(on.length > 0);
});

test.each(TEMPLATES)("%s is played to its end; where it waits for a person, one decides", async (name) => {
  await using stage = await openTemplates();
  const event = EVENTS[name];
  let heard = await stage.play({ name, inputs: event ? { event } : {} });
  for (let waits = 0; heard.data.waiting_for && waits < 5; waits++) {
    const isAnswer = heard.data.waiting_for.kind === "answer";
    heard = await stage.decide(heard, isAnswer ? "answer" : "approve", isAnswer ? "as it stands" : undefined);
  }
  expect(heard.data.error).toBeUndefined();
  expect(heard.data.status).toBe("succeeded");
  const came = { degraded: heard.data.degraded, isEmpty: isEmpty(await stage.output(heard)) };
  expect(came).toEqual(LESS[name] ?? { degraded: undefined, isEmpty: false });
});

test("README.md lists each of them, and nothing else", () => {
  const listed = [...readFileSync(join(FOLDER, "README.md"), "utf8").matchAll(/\]\((\S+)\.yaml\)/g)].map(
    ([, name]) => name,
  );
  expect(listed.toSorted()).toEqual(TEMPLATES.toSorted());
});
