import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chooseModel, USUAL_MODELS } from "../../src/agents/default-model.ts";
import { AgentDesk, type DeskParts } from "../../src/agents/desk.ts";
import { priceOf } from "../../src/agents/prices.ts";
import { lackOf, openProviders } from "../../src/agents/providers/index.ts";
import type { AgentRef } from "../../src/core/agent.ts";
import { Catalogue } from "../../src/core/catalogue.ts";
import { Failure } from "../../src/core/errors.ts";
import { SILENT } from "../../src/core/log.ts";
import { DEFAULT_LIMITS, DEFAULT_RETRY, type ProviderSettings } from "../../src/core/settings.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "baton-desk-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string | Uint8Array): string {
  const whole = join(root, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, text);
  return whole;
}

const agentFile = (front: string, body = "You do it.") => `---\n${front}\n---\n${body}\n`;

type Made = Partial<DeskParts> & { env?: Record<string, string>; settings?: Record<string, ProviderSettings> };

function desk({ env = { OPENAI_API_KEY: "key" }, settings = {}, ...parts }: Made = {}): AgentDesk {
  return new AgentDesk({
    folders: [join(root, "agents"), join(root, "more")],
    model: "openai/gpt-5-mini",
    models: { small: "openai/gpt-5-nano" },
    limits: DEFAULT_LIMITS,
    retry: DEFAULT_RETRY,
    providers: openProviders(settings, env, SILENT),
    allowed: undefined,
    lackOf: (id) => lackOf(id, settings, env),
    priceOf: (model, isFree) => priceOf(model, {}, isFree),
    log: SILENT,
    ...parts,
  });
}

function failure(act: () => unknown): Failure {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing failed");
}

const ask = (made: AgentDesk, ref: AgentRef) => made.find(made.pin([ref]), ref);
const card = (made: AgentDesk, name: string) => made.list().find((one) => one.name === name);

describe("who is at hand without any file", () => {
  test("twenty roles, each saying when to choose it, on the model of its tier or on the default one", () => {
    const built = desk()
      .list()
      .filter(({ source }) => source === "built in");
    expect(built).toHaveLength(20);
    for (const { description, version, tag, price } of built) {
      expect(description).toMatch(/not (for|to|as)/i);
      expect([version, tag]).toEqual([expect.stringMatching(/^[0-9a-f]{8}$/), expect.stringMatching(/^1\.\d\.0$/)]);
      expect(price?.output).toBeGreaterThan(0);
    }
    expect(card(desk(), "judge")?.models).toEqual(["openai/gpt-5-mini"]);
    expect(card(desk(), "classifier")?.models).toEqual(["openai/gpt-5-nano"]);
  });

  test("the default model and the tiers are listed too, and a query narrows the list", () => {
    expect(
      desk()
        .list()
        .slice(20)
        .map(({ name, kind }) => [name, kind]),
    ).toEqual([
      ["openai/gpt-5-mini", "model"],
      ["small", "model"],
    ]);
    expect(
      desk()
        .list("JOINS fan-out")
        .map(({ name }) => name),
    ).toEqual(["synthesiser"]);
    expect(desk().list("nothing like it")).toEqual([]);
  });
});

describe("a role that is to find out", () => {
  const looks = ["baton/read", "baton/list", "baton/glob", "baton/grep"];
  const anthropic = { env: { ANTHROPIC_API_KEY: "k" }, model: "anthropic/claude-haiku-4-5" };

  test.each([
    ["where there are neither folders nor hosts, and nobody searches, nothing", {}, [undefined, undefined]],
    ["where there is a folder, what looks into it", { sights: { folders: true, hosts: false } }, [looks, undefined]],
    [
      "where there is a host, what reaches it",
      { sights: { folders: false, hosts: true } },
      [["baton/fetch"], undefined],
    ],
    ["where its vendor searches, that", anthropic, [undefined, { max_uses: 5 }]],
  ])("is given of its tools what there is to use them on: %s", (_, parts, expected) => {
    const { tools, web_search, version } = ask(desk(parts), "researcher");
    expect([tools, web_search]).toEqual(expected);
    expect(version).toBe(ask(desk(), "researcher").version);
  });
});

describe("a reference", () => {
  test("a name means the agent, and a name with its version exactly that one", () => {
    const made = desk();
    const critic = ask(made, "critic");
    expect(ask(made, `critic@${critic.version}`)).toEqual(critic);
    expect(ask(made, "critic@1.0.0")).toEqual(critic);
    const old = failure(() => made.pin(["critic@00000000"]));
    expect(old.code).toBe("UNKNOWN_AGENT");
    expect(old.options.hint).toContain(`critic@${critic.version}`);
  });

  test("instructions follow what an agent is told, and make another version of it", () => {
    const made = desk();
    const plain = ask(made, "critic");
    const told = ask(made, { agent: "critic", instructions: "Be brief." });
    expect(told.system).toBe(`${plain.system}\n\nBe brief.`);
    expect(told).toMatchObject({ name: "critic", source: "instructions", models: plain.models });
    expect(told.version).not.toBe(plain.version);
    expect(ask(made, { agent: "critic", instructions: "Be brief." }).version).toBe(told.version);
  });

  test("a plain model is told nothing that its user did not write", () => {
    const made = desk();
    expect(ask(made, "openai/gpt-5")).toMatchObject({
      name: "openai/gpt-5",
      system: "",
      models: ["openai/gpt-5"],
      source: "model",
    });
    expect(ask(made, { agent: "openai/gpt-5", instructions: "Be brief." })).toMatchObject({
      system: "Be brief.",
      source: "instructions",
    });
  });

  test("a tier stands for its model", () => {
    expect(ask(desk(), "small")).toMatchObject({ name: "small", models: ["openai/gpt-5-nano"], system: "" });
  });

  test("an unknown name is refused with the nearest one and all there are", () => {
    const unknown = failure(() => desk().pin(["writer", "critc"]));
    expect(unknown.code).toBe("UNKNOWN_AGENT");
    expect(unknown.message).toContain('"critc"; did you mean "critic"?');
    expect(unknown.options.hint).toContain("writer, critic, judge, synthesiser, aggregator");
  });

  test.each(["constructor", "__proto__", "toString", "@", "critic@", "@critic", "/", "a/", "/a", " ", "a/b c"])(
    "%j is no name",
    (name) => {
      expect(failure(() => desk().pin([name])).code).toMatch(/UNKNOWN_AGENT|NO_PROVIDER/);
    },
  );

  test("a vendor without a key is refused with the variable that would hold it", () => {
    const lacking = failure(() => desk().pin(["anthropic/claude-haiku-4-5"]));
    expect(lacking.code).toBe("NO_PROVIDER");
    expect(lacking.options.hint).toContain("ANTHROPIC_API_KEY");
    expect(failure(() => desk().pin(["nobody/knows"])).options.hint).toContain("providers: { nobody:");
  });

  test("a vendor that the policy does not list is refused and is not there", () => {
    const made = desk({ allowed: ["anthropic"] });
    const refused = failure(() => made.pin(["openai/gpt-5"]));
    expect(refused.code).toBe("FORBIDDEN");
    expect(refused.options.hint).toContain("`policy.providers` allows anthropic");
    expect(made.provider("openai")).toBeUndefined();
    expect(made.provider("rehearsal")).toBeDefined();
    expect(card(made, "critic")?.refused).toContain('the policy does not allow the provider "openai"');
  });
});

describe("what a run pins", () => {
  test("all agents, and the prices of their models and of every model that is named", () => {
    const pinned = desk().pin(["critic", "openai/gpt-5"]);
    expect(Object.keys(pinned.agents)).toEqual(expect.arrayContaining(["writer", "critic", "judge", "synthesiser"]));
    expect(Object.keys(pinned.prices).sort()).toEqual(["openai/gpt-5", "openai/gpt-5-mini", "openai/gpt-5-nano"]);
    expect(Catalogue.parse(JSON.parse(JSON.stringify(pinned)))).toEqual(pinned);
  });

  test("is the same object until an agent changes, so that nobody builds it twice", () => {
    const made = desk();
    expect(made.pin(["critic"])).toBe(made.pin(["writer"]));
    expect(made.pin(["openai/gpt-5"])).toBe(made.pin(["openai/gpt-5", "critic"]));
    const before = made.pin([]);
    write("agents/new.md", agentFile("name: new"));
    expect(made.pin([])).not.toBe(before);
  });

  test("a reference means the same in it whatever happens to the file later", () => {
    const made = desk();
    const path = write("agents/a.md", agentFile("name: a", "First."));
    const pinned = made.pin(["a"]);
    writeFileSync(path, agentFile("name: a", "Second."));
    expect(ask(made, "a").system).toBe("Second.");
    expect(made.find(pinned, "a").system).toBe("First.");
    write("agents/late.md", agentFile("name: late"));
    expect(failure(() => made.find(pinned, "late")).code).toBe("UNKNOWN_AGENT");
  });

  test("in a rehearsal nobody but the rehearsal is asked, whoever is named and whatever key is at hand", () => {
    write("agents/a.md", agentFile("name: a\nmodel: small\nfallbacks: [openai/gpt-5]"));
    const made = desk();
    const refs = ["a", "writer", "small", "openai/gpt-5", "anthropic/claude-haiku-4-5"];
    const pinned = made.pin(refs, true);
    for (const ref of refs) expect(made.find(pinned, ref).models).toEqual(["rehearsal/default"]);
    expect(pinned.prices["rehearsal/default"]).toMatchObject({ input: 0, output: 0 });
    expect(Catalogue.parse(JSON.parse(JSON.stringify(pinned)))).toEqual(pinned);
    expect(ask(made, "writer").models).toEqual(["openai/gpt-5-mini"]);
  });

  test("a free provider's models cost nothing, and an unknown model has no price", () => {
    const made = desk({
      settings: {
        box: { type: "openai", base_url: "http://127.0.0.1:9/v1", free: true },
        odd: { type: "openai", base_url: "http://127.0.0.1:9/v1" },
      },
    });
    const { prices } = made.pin(["box/llama", "odd/model"]);
    expect(prices["box/llama"]).toMatchObject({ input: 0, output: 0 });
    expect(prices).not.toHaveProperty("odd/model");
  });

  test("the longest answer is the agent's own, else the setting's, else the usual one", () => {
    write("agents/long.md", agentFile("name: long\nx-baton: { max_output_tokens: 99 }"));
    const set = desk({ limits: { ...DEFAULT_LIMITS, max_output_tokens: 1000 } });
    expect(
      [ask(set, "long"), ask(set, "critic"), ask(set, "openai/gpt-5")].map((spec) => spec.max_output_tokens),
    ).toEqual([99, 1000, 1000]);
    expect(ask(desk(), "critic").max_output_tokens).toBe(8192);
  });
});

describe("agents from files", () => {
  test("are read from all folders and the folders in them, and missing folders are fine", () => {
    write("agents/a.md", agentFile("name: a\ndescription: The a."));
    write("agents/deep/er/b.agent.md", agentFile("description: The b."));
    write("agents/.git/c.md", agentFile("name: c"));
    write("agents/README.md", "# Not an agent");
    write("agents/notes.txt", agentFile("name: t"));
    symlinkSync(join(root, "agents"), join(root, "agents/deep/circle"));
    const files = desk()
      .list()
      .filter(({ source }) => source.startsWith(root));
    expect(files.map(({ name, description }) => [name, description])).toEqual([
      ["a", "The a."],
      ["b", "The b."],
    ]);
  });

  test("their words for models are put into models, and each model is asked once", () => {
    write("agents/a.md", agentFile("name: a\nmodel: [small, inherit, openai/gpt-5-nano]\nfallbacks: openai/gpt-5"));
    expect(ask(desk(), "a").models).toEqual(["openai/gpt-5-nano", "openai/gpt-5-mini", "openai/gpt-5"]);
  });

  test("a word for a model that means nothing here is refused with the setting that would give it one", () => {
    write("agents/a.md", agentFile("name: a\nmodel: gandalf"));
    const refused = failure(() => desk().pin(["a"]));
    expect(refused.code).toBe("INVALID_AGENT");
    expect(refused.message).toContain("a.md:3:1: the model `gandalf` is neither");
    expect(refused.message).toContain('models: { "gandalf": provider/model }');
    expect(ask(desk({ models: { gandalf: "openai/gpt-5" } }), "a").models).toEqual(["openai/gpt-5"]);
  });

  test("a fallback that cannot be asked here is left out and told; an agent with no other model is refused", () => {
    write("agents/a.md", agentFile("name: a\nmodel: anthropic/claude-haiku-4-5\nfallbacks: openai/gpt-5"));
    write("agents/b.md", agentFile("name: b\nmodel: anthropic/claude-haiku-4-5"));
    const made = desk();
    expect(ask(made, "a").models).toEqual(["openai/gpt-5"]);
    expect(card(made, "a")?.notes?.join()).toContain("anthropic/claude-haiku-4-5 is left out");
    expect(failure(() => made.pin(["b"])).code).toBe("NO_PROVIDER");
    expect(card(made, "b")?.refused).toContain("has no key");
  });

  test("their words for tools are put into tools, by the settings and by what is built in", () => {
    write("agents/a.md", agentFile("name: a\ntools: Read, Edit, mcp__db__query\nmaxTurns: 4"));
    const tools = { servers: ["db"], tools: { Edit: "files/edit_file" } };
    expect(ask(desk({ tools }), "a")).toMatchObject({
      tools: ["baton/read", "files/edit_file", "db/query"],
      max_turns: 4,
    });
  });

  test("a host's word for a model means its vendor's where that can be asked, and it is told", () => {
    write("agents/a.md", agentFile("name: a\nmodel: gpt-5"));
    write("agents/b.md", agentFile("name: b\nmodel: Claude Sonnet 4 (copilot)"));
    const made = desk();
    expect(ask(made, "a").models).toEqual(["openai/gpt-5"]);
    expect(ask(made, "b").models).toEqual(["openai/gpt-5-mini"]);
    expect(card(made, "b")?.notes?.join()).toContain("`Claude Sonnet 4 (copilot)` is openai/gpt-5-mini here");
    const both = desk({ env: { OPENAI_API_KEY: "k", ANTHROPIC_API_KEY: "k" } });
    expect(ask(both, "b").models).toEqual(["anthropic/claude-sonnet-4-0"]);
  });

  test("an agent with tools that are not here stays listed with the reason and cannot be asked, whatever version is named", () => {
    write("agents/a.md", agentFile("name: a\ndescription: Good.\ntools: Bash"));
    const made = desk();
    expect(card(made, "a")).toMatchObject({
      description: "Good.",
      refused: expect.stringContaining("tools: { Bash: shell/run }"),
    });
    for (const ref of ["a", "a@12345678", { agent: "a", instructions: "x" }]) {
      expect(failure(() => made.pin([ref])).code).toBe("INVALID_AGENT");
    }
    expect(made.pin(["critic"]).agents).not.toHaveProperty("a");
  });

  test("a refused file never lets another agent answer under its name", () => {
    write("agents/critic.md", agentFile("name: critic\ntools: Bash"));
    const made = desk();
    expect(failure(() => made.pin(["critic"])).code).toBe("INVALID_AGENT");
  });

  test("of two files with one name the first folder's is meant, and the other says so", () => {
    const first = write("agents/z.md", agentFile("name: same", "First."));
    write("more/a.md", agentFile("name: same", "Second."));
    const made = desk();
    expect(ask(made, "same").system).toBe("First.");
    expect(made.list("same").map(({ refused }) => refused)).toEqual([
      undefined,
      expect.stringContaining(`taken by ${first}`),
    ]);
  });

  test("a file takes the place of a built-in agent", () => {
    write("agents/mine.md", agentFile("name: critic", "My own."));
    const made = desk();
    expect(ask(made, "critic").system).toBe("My own.");
    expect(made.list().filter(({ name }) => name === "critic")).toHaveLength(1);
  });

  test("a version is of the content: the same text elsewhere has it, another text has not", () => {
    const path = write("agents/a.md", agentFile("name: a", "Same."));
    const made = desk();
    const { version } = ask(made, "a");
    unlinkSync(path);
    write("more/deep/other.md", agentFile("name: a", "Same."));
    expect(ask(made, "a").version).toBe(version);
    write("more/deep/other.md", agentFile("name: a", "Other."));
    expect(ask(made, "a").version).not.toBe(version);
  });

  test("broken files of every kind are listed with the reason, and the others work", () => {
    write("agents/good.md", agentFile("name: good"));
    write("agents/binary.md", new Uint8Array([0x2d, 0x2d, 0x2d, 0x0a, 0xff, 0xfe, 0x00]));
    write("agents/nul.md", agentFile("name: x\0"));
    write("agents/huge.md", agentFile("name: huge", "x".repeat(1_048_576)));
    write("agents/plain.md", "No front matter.");
    write(
      "agents/js.md",
      `---js\nrequire("node:fs").writeFileSync(${JSON.stringify(join(root, "ran"))}, "")\n---\nBody.`,
    );
    symlinkSync(join(root, "nowhere.md"), join(root, "agents/dangling.md"));
    const made = desk();
    const refused = Object.fromEntries(made.list().flatMap(({ name, refused: why }) => (why ? [[name, why]] : [])));
    expect(refused).toEqual({
      binary: expect.stringContaining("it is not UTF-8 text"),
      nul: expect.stringContaining("it is not UTF-8 text"),
      huge: expect.stringContaining("an agent's file has at most 262144"),
      plain: expect.stringContaining("it has no front matter"),
      js: expect.stringContaining("no other language is read"),
    });
    expect(ask(made, "good").system).toBe("You do it.");
  });
});

describe("when files change", () => {
  test("agents come, change and go without a restart", () => {
    const made = desk();
    expect(card(made, "a")).toBeUndefined();
    const path = write("agents/a.md", agentFile("name: a\ndescription: One."));
    expect(card(made, "a")?.description).toBe("One.");
    writeFileSync(path, agentFile("name: a\ndescription: Two."));
    expect(card(made, "a")?.description).toBe("Two.");
    write("agents/new/folder/b.md", agentFile("name: b"));
    expect(card(made, "b")).toBeDefined();
    rmSync(join(root, "agents"), { recursive: true });
    expect(card(made, "a")).toBeUndefined();
    expect(failure(() => made.pin(["a"])).code).toBe("UNKNOWN_AGENT");
  });

  test("one that breaks keeps its last good version, says so, and is whole again when it is mended", () => {
    const warnings: string[] = [];
    const made = desk({ log: { ...SILENT, warn: (_, message) => warnings.push(message) } });
    const path = write("agents/a.md", agentFile("name: a\ndescription: x", "Good."));
    expect(ask(made, "a").system).toBe("Good.");
    writeFileSync(path, agentFile("name: a\nname: a", "Broken."));
    expect(ask(made, "a").system).toBe("Good.");
    expect(card(made, "a")?.refused).toBeUndefined();
    expect(card(made, "a")?.notes?.join()).toContain(`${path}:3:1: this name stands here twice`);
    expect(warnings).toHaveLength(1);
    writeFileSync(path, agentFile("name: a\ndescription: x", "Mended."));
    expect(ask(made, "a").system).toBe("Mended.");
    expect(card(made, "a")?.notes).toBeUndefined();
  });

  test("a file of Codex that breaks keeps its last good version too, and says where it is broken", () => {
    const made = desk();
    const path = write("agents/c.toml", 'name = "c"\ndescription = "x"\ndeveloper_instructions = "Good."\n');
    expect(ask(made, "c").system).toBe("Good.");
    writeFileSync(path, 'name = "c"\ndescription = "x\ndeveloper_instructions = "Broken."\n');
    expect(ask(made, "c").system).toBe("Good.");
    expect(card(made, "c")?.notes?.join()).toMatch(new RegExp(`${path}:2:\\d+: `));
    writeFileSync(path, 'name = "c"\ndescription = "x"\ndeveloper_instructions = "Mended."\n[x-baton]\ntools = []\n');
    expect(ask(made, "c").system).toBe("Mended.");
    expect(card(made, "c")?.notes).toBeUndefined();
  });

  test("one that asks for tools from now on is refused from now on", () => {
    const made = desk();
    const path = write("agents/a.md", agentFile("name: a", "Good."));
    made.pin(["a"]);
    writeFileSync(path, agentFile("name: a\ntools: Bash", "Good."));
    expect(failure(() => made.pin(["a"])).code).toBe("INVALID_AGENT");
  });
});

describe("the model that answers when none is named", () => {
  const nobody = async () => undefined;
  const choose = (
    env: Record<string, string>,
    settings: object = {},
    probeLocal: Parameters<typeof chooseModel>[0]["probeLocal"] = nobody,
  ) => chooseModel({ settings: { policy: {}, ...settings }, providers: openProviders({}, env, SILENT), probeLocal });

  test("is the setting's, whatever keys there are", async () => {
    expect(await choose({ OPENAI_API_KEY: "k" }, { model: "a/b" })).toEqual({ model: "a/b", because: "settings" });
  });

  test("else the rehearsal where it is asked for, so that nothing is spent", async () => {
    expect((await choose({ OPENAI_API_KEY: "k" }, { rehearsal: true })).model).toBe("rehearsal/default");
    expect((await choose({ OPENAI_API_KEY: "k" }, { rehearsal: true, model: "a/b" })).model).toBe("a/b");
  });

  test("else that of a vendor whose key is there and who is allowed", async () => {
    expect(await choose({ ANTHROPIC_API_KEY: "k" })).toEqual({ model: "anthropic/claude-haiku-4-5", because: "key" });
    const both = { OPENAI_API_KEY: "k", ANTHROPIC_API_KEY: "k" };
    expect((await choose(both)).model).toBe("openai/gpt-5-mini");
    expect((await choose(both, { policy: { providers: ["anthropic"] } })).model).toBe("anthropic/claude-haiku-4-5");
  });

  test("else a server on this machine, if it is allowed", async () => {
    const provider = openProviders({ ollama: {} }, {}, SILENT).get("ollama");
    const local = async () => provider && { provider, model: "ollama/llama3" };
    expect(await choose({}, {}, local)).toMatchObject({
      model: "ollama/llama3",
      because: "local",
      provider: { id: "ollama" },
    });
    expect((await choose({}, { policy: { providers: ["openai"] } }, local)).because).toBe("rehearsal");
  });

  test("else the rehearsal", async () => {
    expect(await choose({})).toEqual({ model: "rehearsal/default", because: "rehearsal" });
  });

  test.each(USUAL_MODELS)("%s has a known price", (model) => {
    const price = priceOf(model, {}, false);
    expect(price?.output).toBeGreaterThan(0);
    expect(price?.inferred).toBeUndefined();
  });
});
