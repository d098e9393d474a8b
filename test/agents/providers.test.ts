import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lackOf, openProviders, probeLocal } from "../../src/agents/providers/index.ts";
import { startVendor, type Vendor } from "../stub/vendor.ts";
import { hooks, quiet, request } from "./asking.ts";

let vendor: Vendor;
beforeAll(async () => {
  vendor = await startVendor();
});
afterAll(() => vendor.close());

describe("who can be asked", () => {
  const names = (...args: [Parameters<typeof openProviders>[0], Record<string, string>]) => [
    ...openProviders(...args, quiet).keys(),
  ];

  it("without any setting or key it is the rehearsal alone", () => {
    expect(names({}, {})).toEqual(["rehearsal"]);
  });

  it("a key in the environment is enough for the known vendors", () => {
    const keys = { OPENAI_API_KEY: "a", ANTHROPIC_API_KEY: "b", OPENROUTER_API_KEY: "c", GEMINI_API_KEY: "d" };
    expect(names({}, keys)).toEqual(["openai", "anthropic", "openrouter", "gemini", "rehearsal"]);
  });

  it("a local server is there where it is configured, free, and asked twice at once", () => {
    const ollama = openProviders({ ollama: {} }, {}, quiet).get("ollama");
    expect(ollama).toMatchObject({ free: true, concurrency: 2 });
  });

  it("settings win over what is known of a name", () => {
    const own = { openai: { concurrency: 3, rpm: 10, tpm: 1000, free: true } };
    expect(openProviders(own, {}, quiet).get("openai")).toMatchObject({
      concurrency: 3,
      rpm: 10,
      tpm: 1000,
      free: true,
    });
  });

  it("one whose key is missing is not there, and what is lacking is said", () => {
    const settings = { mine: { type: "openai", base_url: "http://127.0.0.1:1/v1", api_key_env: "MINE_KEY" } } as const;
    expect(names(settings, {})).toEqual(["rehearsal"]);
    expect(lackOf("mine", settings, {})?.options.hint).toContain("MINE_KEY");
    expect(lackOf("mine", settings, { MINE_KEY: "k" })).toBeUndefined();
    expect(lackOf("nobody", {}, {})?.options.hint).toContain("base_url");
    expect(lackOf("ollama", {}, {})?.options.hint).toContain("11434");
    expect(lackOf("rehearsal", {}, {})).toBeUndefined();
  });

  it("an address that is none is said before anybody is asked", () => {
    const env = { OPENAI_API_KEY: "k", OPENAI_BASE_URL: "localhost:8080/v1" };
    expect(names({}, env)).toEqual(["rehearsal"]);
    expect(lackOf("openai", {}, env)?.options.hint).toContain("OPENAI_BASE_URL");
  });

  it("a key that was copied with a line break works; one that no header can carry is no key", async () => {
    const env = { OPENAI_API_KEY: " k1\n", OPENAI_BASE_URL: vendor.v1 };
    await openProviders({}, env, quiet).get("openai")!.complete(request(), hooks());
    expect(vendor.requests.at(-1)?.headers).toMatchObject({ authorization: "Bearer k1" });
    expect(names({}, { OPENAI_API_KEY: "kéy" })).toEqual(["rehearsal"]);
  });
});

describe("a model server on this machine", () => {
  it("is found with a model it would answer with", async () => {
    const known = { ollama: { type: "openai", base_url: vendor.v1, local: true } } as const;
    const found = await probeLocal(quiet, {}, known);
    expect(found).toMatchObject({ model: "ollama/stub-model", provider: { id: "ollama", free: true } });
  });

  it("is not waited for where there is none", async () => {
    const nowhere = { ollama: { type: "openai", base_url: "http://127.0.0.1:9/v1", local: true } } as const;
    expect(await probeLocal(quiet, {}, nowhere)).toBeUndefined();
  });
});

const CHILD = `
  import { openProviders } from "./src/agents/providers/index.ts";
  const lines = [];
  const note = (fields, message) => lines.push(message + JSON.stringify(fields));
  const open = openProviders({}, process.env, { error: note, warn: note, info: note, debug: note });
  for (const id of ["openai", "anthropic"]) {
    await open.get(id).complete({ model: "m", system: "", messages: [{ role: "user", content: "hi" }],
      max_output_tokens: 9, agent: "a", nth: 1 }, { signal: new AbortController().signal, beat() {} });
  }
  const told = lines.join("\\n");
  process.stderr.write(JSON.stringify({ lines: lines.length, key: told.includes("sk-topsecret") }));
`;

it("nothing of a provider reaches stdout, even where its own log is turned on, and no key its log", async () => {
  const env = {
    ...process.env,
    OPENAI_API_KEY: "sk-topsecret",
    ANTHROPIC_API_KEY: "sk-topsecret",
    OPENAI_BASE_URL: vendor.v1,
    ANTHROPIC_BASE_URL: vendor.origin,
    OPENAI_LOG: "debug",
    ANTHROPIC_LOG: "debug",
  };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", CHILD], { env });
  expect(stdout).toBe("");
  const told = JSON.parse(stderr) as { lines: number; key: boolean };
  expect(told.lines).toBeGreaterThan(2);
  expect(told.key).toBe(false);
});

it("no SDK is loaded before somebody is asked", async () => {
  const code = `
    import { registerHooks } from "node:module";
    const heavy = [];
    registerHooks({ resolve(name, context, next) {
      if (/^(openai|@anthropic-ai|@pydantic)/.test(name)) heavy.push(name);
      return next(name, context);
    } });
    const { openProviders } = await import("./src/agents/providers/index.ts");
    openProviders({}, { OPENAI_API_KEY: "k", ANTHROPIC_API_KEY: "k" }, {});
    console.log(JSON.stringify(heavy));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code]);
  expect(JSON.parse(stdout)).toEqual([]);
});
