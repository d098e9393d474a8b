import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ConfigSource, readConfig } from "../src/config.ts";
import { Failure } from "../src/core/errors.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (text: string | Uint8Array, path = "baton.yaml") => writeFileSync(join(folder, path), text);
const read = (env: ConfigSource["env"] = {}, more: Partial<ConfigSource> = {}) =>
  readConfig({ cwd: folder, env: { HOME: "/home/ada", ...env }, platform: "linux", ...more });

function complaint(env: ConfigSource["env"] = {}, more: Partial<ConfigSource> = {}): string {
  try {
    read(env, more);
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).code).toBe("INVALID_SETTINGS");
    return (error as Failure).message;
  }
  throw new Error("these settings were taken");
}

describe("when nothing is said", () => {
  test("the documented defaults hold and no cap counts as set on purpose", () => {
    const config = read();
    expect(config.limits).toMatchObject({ runs: 8, calls: 16, depth: 3, width: 32, call_seconds: 600 });
    expect(config.retry).toMatchObject({ attempts: 4, initial_ms: 1000 });
    expect(config.breaker).toEqual({ failures: 5, cooldown_seconds: 30 });
    expect(config.budgets).toMatchObject({
      run: { usd: 1 },
      run_max: { usd: 5 },
      day: { usd: 20 },
      caller: { usd: 10 },
    });
    expect(Object.values(config.budgets.explicit)).toEqual([false, false, false, false]);
    expect(config).toMatchObject({ port: 7717, folders: [], toolsets: ["default"], read_only: false });
    expect(config.auth).toBeUndefined();
    expect(config.model).toBeUndefined();
  });

  test("runs are kept in the user's data folder, as each system has it", () => {
    expect(read().home).toBe("/home/ada/.local/share/baton");
    expect(read({ XDG_DATA_HOME: "/data" }).home).toBe("/data/baton");
    expect(read({ XDG_DATA_HOME: "relative" }).home).toBe("/home/ada/.local/share/baton");
    expect(read({}, { platform: "darwin" }).home).toBe("/home/ada/Library/Application Support/baton");
    expect(read({ LOCALAPPDATA: "/local" }, { platform: "win32" }).home).toBe("/local/baton");
  });

  test("agents and workflows are looked for where the process was started", () => {
    const hosts = [".claude", ".github", ".cursor", ".codex", ".gemini", ".opencode"].map((host) => `${host}/agents`);
    expect(read().agents).toEqual(["agents", ...hosts, ".opencode/agent"].map((path) => join(folder, path)));
    expect(read().workflows).toEqual([join(folder, "workflows")]);
  });
});

describe("the file", () => {
  test("is where a server of tools begins, if it does not say where", () => {
    write(
      "mcp_servers: { here: { command: x }, there: { command: x, cwd: tools }, far: { url: https://a.example/mcp } }",
    );
    const { here, there, far } = read().mcp_servers;
    expect([here?.cwd, there?.cwd, far?.cwd]).toEqual([folder, join(folder, "tools"), undefined]);
  });

  test("the nearest one upward is read, and its paths begin in its own folder", () => {
    write("home: keep\nfolders: [docs, /srv, ~/notes]\nagents: [team]\n");
    mkdirSync(join(folder, "a/b"), { recursive: true });
    const config = read({}, { cwd: join(folder, "a/b") });
    expect(config.file).toBe(join(folder, "baton.yaml"));
    expect(config.home).toBe(join(folder, "keep"));
    expect(config.folders).toEqual([join(folder, "docs"), "/srv", "/home/ada/notes"]);
    expect(config.agents).toEqual([join(folder, "team")]);
  });

  test("runs are kept beside it when it does not say where", () => {
    write("");
    expect(read().home).toBe(join(folder, ".baton"));
  });

  test("BATON_CONFIG names another one, and a missing one is told", () => {
    write("model: a/wrong\n");
    write("model: a/right\n", "other.yaml");
    expect(read({ BATON_CONFIG: "other.yaml" }).model).toBe("a/right");
    expect(complaint({ BATON_CONFIG: "none.yaml" })).toContain(
      `${join(folder, "none.yaml")}: it cannot be read (ENOENT)`,
    );
  });

  test("a byte order mark, line ends of Windows and names without a value do no harm", () => {
    write("\uFEFFmodel: openai/gpt-5-mini\r\nproviders:\r\nlimits:\r\n  calls: 3\r\n");
    const config = read();
    expect(config.model).toBe("openai/gpt-5-mini");
    expect(config.limits.calls).toBe(3);
    expect(config.providers).toEqual({});
  });

  test("a tier may stand as the model", () => {
    write("model: small\nmodels: { small: openai/gpt-5-nano }\n");
    expect(read().model).toBe("openai/gpt-5-nano");
  });

  test("every mistake is told at once, each at its line and column", () => {
    write(["limits:", "  cals: 4", '  runs: "x"', "budgts: {}", "calls: 4", "port: 99999"].join("\n"));
    const said = complaint({ BATON_PORTS: "1" });
    const file = join(folder, "baton.yaml");
    expect(said).toContain(`${file}:2:3: \`limits.cals\`: there is no such name here; did you mean \`calls\`?`);
    expect(said).toContain(`${file}:3:9: \`limits.runs\`: expected number, but this is string`);
    expect(said).toContain(`${file}:4:1: \`budgts\`: there is no such name here; did you mean \`budgets\`?`);
    expect(said).toContain(`${file}:5:1: \`calls\`: there is no such name here; did you mean \`limits.calls\`?`);
    expect(said).toContain(`${file}:6:7: \`port\``);
    expect(said).toContain("BATON_PORTS: there is no such setting; did you mean BATON_PORT?");
  });

  test.each([
    ["a name that stands twice", "port: 1\nport: 2\n", "2:1: this name stands here twice"],
    ["a tab", "limits:\n\tcalls: 1\n", "2:1: a tab is used to indent"],
    ["an alias", "a: &x 1\nb: *x\n", "2:4: aliases such as *x are not read here"],
    ["a tag", "model: !!js/function 'x'\n", "1:8: Unresolved tag"],
    ["a list", "- 1\n", "1:1: expected settings"],
    ["two documents", "port: 1\n---\nport: 2\n", "2:1: one document is expected"],
    ["an open bracket", "folders: [a\n", "Flow sequence"],
  ])("%s is refused where it stands", (_, text, words) => {
    write(text);
    expect(complaint()).toContain(`${join(folder, "baton.yaml")}:${words.startsWith("Flow") ? "" : words}`);
    expect(complaint()).toContain(words);
  });

  test("a text that doubles itself by aliases is refused before it grows", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 12; i++)
      lines.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      );
    write(lines.join("\n"));
    expect(complaint()).toContain("aliases such as *a0");
  });

  test("endless nesting, a binary file, a huge file and a folder are refused in words", () => {
    write("[".repeat(200_000));
    expect(complaint()).toContain("baton.yaml:1:1: it is nested too deep");
    write(new Uint8Array([0xff, 0xfe, 0x00, 0x80]));
    expect(complaint()).toContain("it is not UTF-8 text");
    write(`# ${"x".repeat(1_100_000)}`);
    expect(complaint()).toContain("settings have at most");
    expect(complaint({ BATON_CONFIG: "." })).toContain("it cannot be read (EISDIR)");
  });

  test("names of JavaScript's own are names like any other", () => {
    write("__proto__: { port: 1 }\nconstructor: 1\n");
    const said = complaint();
    expect(said).toContain("`__proto__`: there is no such name here");
    expect(said).toContain("`constructor`: there is no such name here");
  });
});

describe("the environment", () => {
  test("it wins over the file, for every kind of value", () => {
    write("limits: { calls: 2, runs: 2 }\nmodel: a/file\nproviders: { ollama: { free: true } }\n");
    const config = read({
      BATON_LIMITS__CALLS: "4",
      BATON_MODEL: "a/environment",
      BATON_BUDGETS__RUN__USD: "0.5",
      BATON_PROVIDERS__OLLAMA__BASE_URL: "http://127.0.0.1:11434/v1",
      BATON_RETRY__ON: "[timeout]",
      BATON_READ_ONLY: "true",
      BATON_PORT: "0",
    });
    expect(config.limits).toMatchObject({ calls: 4, runs: 2 });
    expect(config.model).toBe("a/environment");
    expect(config.budgets.run).toEqual({ usd: 0.5 });
    expect(config.providers).toEqual({ ollama: { free: true, base_url: "http://127.0.0.1:11434/v1" } });
    expect(config.retry.on).toEqual(["timeout"]);
    expect(config).toMatchObject({ read_only: true, port: 0 });
  });

  test("a whole map may be given, and a single entry of it wins over the map", () => {
    expect(read({ BATON_LIMITS__CALLS: "9", BATON_LIMITS: "{ calls: 4, runs: 3 }" }).limits).toMatchObject({
      calls: 9,
      runs: 3,
    });
  });

  test("names in a map are those of the file, whatever stands between their letters", () => {
    write('prices: { "openai/my-tune": { input_per_mtok: 1, output_per_mtok: 2 } }\n');
    const config = read({ BATON_PRICES__OPENAI_MY_TUNE__OUTPUT_PER_MTOK: "3" });
    expect(config.prices).toEqual({ "openai/my-tune": { input_per_mtok: 1, output_per_mtok: 3 } });
  });

  test("lists may be written with commas", () => {
    expect(read({ BATON_TOOLSETS: "default,admin" }).toolsets).toEqual(["default", "admin"]);
    expect(read({ BATON_FOLDERS: "/a, b" }).folders).toEqual(["/a", join(folder, "b")]);
  });

  test("where text is wanted, text is taken as it is written", () => {
    expect(read({ BATON_HOME: "123" }).home).toBe(join(folder, "123"));
    expect(read({ BATON_HOME: "~" }).home).toBe("/home/ada");
    expect(read({ BATON_HOME: "a: b" }).home).toBe(join(folder, "a: b"));
  });

  test("an empty variable says nothing", () => {
    expect(read({ BATON_PORT: "", BATON_MODEL: " " })).toMatchObject({ port: 7717 });
  });

  test("its paths begin where the process was started, not at the file", () => {
    write("agents: [team]\n");
    mkdirSync(join(folder, "sub"));
    const config = read({ BATON_HOME: "kept" }, { cwd: join(folder, "sub") });
    expect(config.home).toBe(join(folder, "sub", "kept"));
    expect(config.agents).toEqual([join(folder, "team")]);
  });

  test.each([
    ["BATON_LIMIT__CALLS", "4", "did you mean BATON_LIMITS__CALLS?"],
    ["BATON_LIMITS__CALS", "4", "did you mean BATON_LIMITS__CALLS?"],
    ["BATON_PORT__X", "4", "there is no such setting"],
    ["BATON_", "4", "there is no such setting"],
    ["BATON_CONSTRUCTOR", "4", "there is no such setting"],
    ["BATON_LIMITS__CALLS", "many", "expected number, but this is string"],
    ["BATON_RETRY__ON", "[timeout", "its value is not YAML"],
    ["BATON_LOG", "loud", "expected one of"],
  ])("%s=%s is refused: %s", (name, value, words) => {
    const said = complaint({ [name]: value });
    expect(said).toContain(name);
    expect(said).toContain(words);
  });

  test("a value never appears in a complaint, since it may be a secret", () => {
    const said = complaint({
      BATON_PROVIDERS__OPENAI__API_KEY: "sk-secret-one",
      BATON_PROVIDERS__OPENAI__BASE_URL: "sk-secret-two",
      BATON_PROVIDERS__OPENAI__API_KEY_ENV: "sk-secret-three",
      BATON_PROVIDERS__OPENAI__RPM: "sk-secret-four",
    });
    expect(said).not.toContain("secret");
    expect(said).toContain("BATON_PROVIDERS__OPENAI__API_KEY_ENV");
  });
});

describe("tokens", () => {
  test("pairs are told apart by commas and white space, and a name may have several", () => {
    const { auth } = read({ BATON_TOKENS: "ada:one, bob:two\n  ada:th:ree" });
    expect([...(auth?.tokens ?? [])]).toEqual([
      ["one", "ada"],
      ["two", "bob"],
      ["th:ree", "ada"],
    ]);
  });

  test("they may stand in another variable", () => {
    write("auth: { tokens_env: BATON_MY_TOKENS }\n");
    expect(read({ BATON_MY_TOKENS: "ada:one" }).auth?.tokens.get("one")).toBe("ada");
  });

  test("auth without tokens is auth that nobody passes", () => {
    write("auth: {}\n");
    expect(read().auth?.tokens.size).toBe(0);
  });

  test("a bad pair is told by its place and never by its text", () => {
    const said = complaint({ BATON_TOKENS: "ada:one hunter2secret bob:one" });
    expect(said).toContain("BATON_TOKENS: pair 2 is not name:token");
    expect(said).toContain("BATON_TOKENS: pair 3 has the token of another name");
    expect(said).not.toContain("hunter2secret");
  });
});

describe("what cannot hold", () => {
  test("a key in the place of its variable's name is noticed and not repeated", () => {
    write("providers: { openai: { api_key_env: sk-proj-abcdef } }\n");
    expect(complaint()).toContain(
      "baton.yaml:1:37: `providers.openai.api_key_env`: expected the name of an environment variable",
    );
    expect(complaint()).not.toContain("abcdef");
  });

  test("a run may not have more than the most a run may have", () => {
    write("budgets: { run: { usd: 10 }, run_max: { usd: 2 } }\n");
    expect(complaint()).toContain("`budgets.run.usd`: it is above `budgets.run_max.usd`");
  });

  test("a cap set on purpose moves the one that was not", () => {
    write("budgets: { run: { usd: 10 }, day: { calls: 5 } }\n");
    const { budgets } = read();
    expect(budgets.run_max.usd).toBe(10);
    expect(budgets.day).toEqual({ usd: 20, calls: 5 });
    expect(budgets.explicit).toEqual({ run: true, run_max: false, day: false, caller: false });
    write("budgets: { run_max: { usd: 0.2 } }\n");
    expect(read().budgets.run.usd).toBe(0.2);
  });

  test("a model without a provider and a store this version has not are refused", () => {
    write("model: gpt-5\nmodels: { small: nano }\ndatabase: postgres://localhost/x\nqueue: redis://x\n");
    const said = complaint();
    expect(said).toContain(":1:8: `model`: expected provider/model");
    expect(said).toContain(":2:18: `models.small`: expected provider/model");
    expect(said).toContain(":3:11: `database`");
    expect(said).toContain(":4:8: `queue`");
  });
});

test("the command line wins over everything and is named in a complaint", () => {
  write("port: 1\n");
  expect(read({ BATON_PORT: "2" }, { overrides: { port: 3 } }).port).toBe(3);
  expect(complaint({}, { overrides: { port: -1 } })).toContain("`port` on the command line");
});
