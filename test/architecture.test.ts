import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfig } from "../src/config.ts";
import { patterns } from "../src/patterns/index.ts";
import { makeBaton } from "../src/server.ts";
import { ROOT, type Source, sources } from "./sources.ts";

/** What a room may import beside itself. A library that ends in `*` stands for all its parts. */
interface Room {
  readonly rooms: readonly string[];
  readonly libraries: readonly string[];
}

const DISK = ["node:fs", "node:fs/promises", "node:path", "node:os"];
const MCP = "@modelcontextprotocol/server";

/** The rooms, as ARCHITECTURE.md tells them. */
const ROOMS: Readonly<Record<string, Room>> = {
  core: {
    rooms: [],
    libraries: ["zod", "node:crypto", "ajv/*", "ajv-formats", "@marcbachmann/cel-js", "liquidjs", "yaml"],
  },
  patterns: { rooms: ["core"], libraries: ["zod"] },
  files: { rooms: ["core"], libraries: [...DISK] },
  agents: {
    rooms: ["core", "files"],
    libraries: [
      ...["zod", "openai*", "@anthropic-ai/sdk*", "@pydantic/genai-prices", "jsonrepair", "keyv", "smol-toml", ...DISK],
      ...["node:http", "node:https", "node:stream", "node:timers/promises", "node:sqlite", "node:module", "node:zlib"],
    ],
  },
  workflows: { rooms: ["core", "files"], libraries: ["zod", ...DISK] },
  events: { rooms: ["core"], libraries: ["zod"] },
  deeds: { rooms: ["core", "files"], libraries: ["zod", "node:http", "node:https", ...DISK] },
  toolbox: {
    rooms: ["core", "files"],
    libraries: [
      ...["zod", "@modelcontextprotocol/client*", "execa", ...DISK],
      ...["node:http", "node:https", "node:stream", "node:worker_threads"],
    ],
  },
  run: { rooms: ["core"], libraries: ["zod", "p-queue", "cockatiel", "node:crypto"] },
  store: { rooms: ["core"], libraries: [...DISK, "node:crypto", "node:sqlite"] },
  tools: { rooms: ["core", "files"], libraries: ["zod", MCP, ...DISK] },
  http: { rooms: ["core"], libraries: [MCP, "hono*", "@hono/node-server", "node:crypto", "node:net"] },
  config: { rooms: ["core"], libraries: ["zod", ...DISK] },
  cli: {
    rooms: ["core", "config.ts", "log.ts", "server.ts", "version.ts", "http", "tools"],
    libraries: ["zod", "commander", `${MCP}/stdio`, "node:child_process", ...DISK],
  },
  "config.ts": { rooms: ["core", "config"], libraries: ["zod", ...DISK] },
  "log.ts": { rooms: ["core"], libraries: ["pino"] },
  "version.ts": { rooms: [], libraries: ["node:fs"] },
  "clock.ts": { rooms: ["core"], libraries: ["node:perf_hooks"] },
  "cli.ts": { rooms: ["cli"], libraries: ["node:module", "node:v8"] },
  "server.ts": {
    rooms: [
      "core",
      "clock.ts",
      "config.ts",
      "log.ts",
      "version.ts",
      "patterns",
      "tools",
      "store",
      "run",
      "agents",
      "workflows",
      "events",
      "deeds",
      "toolbox",
    ],
    libraries: [MCP, ...DISK],
  },
};

/** Files that are longer than others, each for a reason. */
const LONG: Readonly<Record<string, string>> = {
  "core/store.ts": "one contract, and types only",
  "run/play.ts": "one state machine; taken apart it would be harder to follow",
  "store/sql-store.ts": "one method for each promise of the contract",
  "server.ts": "the composition root: one list of who is given what",
};
const LONGEST = 300;

const CLOCK = /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bset(?:Timeout|Interval|Immediate)\b/;
const CHANCE = /\bMath\.random\b|\brandom(?:Bytes|UUID|Int)\b/;
const WORLD = /\bfetch\b|\bprocess\.|\bconsole\b|\bglobalThis\b|\bimport\.meta\b/;
const TOGETHER = /\bPromise\.(?:all|race|any|allSettled)\b/;
const STDOUT = /\bconsole\b|\bprocess\.stdout\b|\bprocess\[/;

const inRoom = (room: string): readonly Source[] => sources.filter((source) => source.room === room);

/** The files in which something stands that may not, each with what it is. */
const offenders = (files: readonly Source[], ...forbidden: readonly RegExp[]): string[] =>
  files.flatMap(({ path, code }) =>
    forbidden.flatMap((pattern) => code.match(pattern)?.map((found) => `${path}: ${found}`) ?? []),
  );

const allows = (pattern: string, library: string): boolean =>
  pattern.endsWith("*") ? library.startsWith(pattern.slice(0, -1)) : library === pattern;

function trespasses({ path, room, imports }: Source): string[] {
  const may = ROOMS[room];
  if (!may) return [`${path} lies in no room`];
  const rooms = [room, ...may.rooms];
  return imports
    .filter(({ from, isOurs }) =>
      isOurs ? !rooms.includes(from.split("/", 1)[0] ?? "") : !may.libraries.some((name) => allows(name, from)),
    )
    .map(({ from }) => `${path} imports ${from}`);
}

/** A way from a file back to itself by what is loaded; types load nothing. */
function cycleFrom(start: string, loads: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const before = new Map<string, string>();
  const open = [start];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const next of loads.get(at) ?? []) {
      if (next === start) return wayTo(at, before, start);
      if (before.has(next)) continue;
      before.set(next, at);
      open.push(next);
    }
  }
  return undefined;
}

function wayTo(end: string, before: ReadonlyMap<string, string>, start: string): string[] {
  const way = [end];
  for (let at = end; at !== start; ) {
    at = before.get(at) ?? start;
    way.unshift(at);
  }
  return [...way, start];
}

describe("the rooms", () => {
  it("import nothing that the table of rooms does not allow", () => {
    expect(sources.flatMap(trespasses)).toEqual([]);
  });

  it("are told in ARCHITECTURE.md, each with what it may import", () => {
    const told = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");
    const rows = told.split("\n").filter((line) => line.startsWith("| `"));
    for (const [room, { rooms, libraries }] of Object.entries(ROOMS)) {
      const row = rows.find((line) => line.startsWith(`| \`${room}${room.endsWith(".ts") ? "" : "/"}\``));
      expect(row, `a row for ${room}`).toBeDefined();
      for (const name of rooms) expect(row, `${room} imports ${name}`).toContain(`\`${name}\``);
      for (const name of libraries.filter((library) => !library.startsWith("node:")))
        expect(row, `${room} imports ${name}`).toContain(`\`${name.replace(/\/?\*$/, "")}\``);
    }
  });

  it("import only files that are there", () => {
    const missing = sources.flatMap(({ path, imports }) =>
      imports
        .filter(({ from, isOurs }) => isOurs && !existsSync(join(ROOT, "src", from)))
        .map(({ from }) => `${path}: ${from}`),
    );
    expect(missing).toEqual([]);
  });

  it("have no file that loads itself by a way around", () => {
    const loads = new Map(
      sources.map(({ path, imports }) => [
        path,
        imports.filter((one) => one.isOurs && !one.isType).map(({ from }) => from),
      ]),
    );
    expect(sources.flatMap(({ path }) => cycleFrom(path, loads)?.join(" -> ") ?? [])).toEqual([]);
  });

  it("leave what runs are and what agents are to each other: the store knows neither a pattern nor an agent", () => {
    const known = inRoom("store").flatMap(({ path, imports }) => imports.map(({ from }) => `${path} ${from}`));
    expect(known.filter((one) => / core\/(pattern|agent|desk|engine)\.ts$/.test(one))).toEqual([]);
  });
});

describe("core", () => {
  it("does no input or output, and knows neither the time nor chance", () => {
    expect(offenders(inRoom("core"), CLOCK, CHANCE, WORLD, TOGETHER)).toEqual([]);
  });
});

describe("patterns", () => {
  it("touch nothing but their context", () => {
    expect(offenders(inRoom("patterns"), CLOCK, CHANCE, WORLD, TOGETHER, /\bDate\b|\bimport\(|\brequire\(/)).toEqual(
      [],
    );
  });

  it("are all tools under their own names", () => {
    const home = join(tmpdir(), "baton-never-made");
    const baton = makeBaton(readConfig({ cwd: tmpdir(), env: {}, overrides: { home, log: "silent" } }));
    const tools = baton.tools.map(({ name }) => name);
    expect(patterns.length).toBeGreaterThan(0);
    for (const { name } of patterns) expect(tools).toContain(name);
  });

  it("are all in the list, each in a file that bears its name", () => {
    const files = inRoom("patterns").filter(({ code }) => /\bdefinePattern\(/.test(code));
    const names = files.map(({ path }) => path.replace("patterns/", "").replace(".ts", "").replaceAll("-", "_"));
    expect(names.sort()).toEqual(patterns.map(({ name }) => name).sort());
  });
});

describe("the room where runs are played", () => {
  it("reads no clock but the one it is given", () => {
    expect(offenders(inRoom("run"), CLOCK, WORLD)).toEqual([]);
  });

  it("takes chance from outside, but for names of runs and their seeds", () => {
    const files = inRoom("run").filter(({ path }) => !["run/engine.ts", "run/new-run.ts"].includes(path));
    expect(offenders(files, CHANCE)).toEqual([]);
  });
});

describe("every file", () => {
  it("leaves stdout to the protocol: only commands write to it", () => {
    const files = sources.filter(({ room }) => room !== "cli");
    expect(offenders(files, STDOUT)).toEqual([]);
    expect(offenders(inRoom("cli"), /\bconsole\b/)).toEqual([]);
  });

  it("reads the environment in one place: the command line hands it on", () => {
    const reads = sources.filter(({ code }) => /\bprocess\.env\b/.test(code)).map(({ path }) => path);
    expect(reads.sort()).toEqual(["cli/complain.ts", "cli/settings.ts", "server.ts"]);
  });

  it(`has at most ${LONGEST} lines, but for those that say why`, () => {
    const long = sources.filter(({ lines }) => lines > LONGEST).map(({ path }) => path);
    expect(long.sort()).toEqual(Object.keys(LONG).sort());
  });

  it("is called after what it is: no box for all kinds of things", () => {
    const vague = /(^|[/.-])(utils?|helpers?|managers?|common|misc|shared|base)([/.-]|$)/;
    expect(sources.map(({ path }) => path).filter((path) => vague.test(path))).toEqual([]);
    expect(
      offenders(sources, /\bexport (?:class|const|function|interface|type) \w*(?:Manager|Helper|Utils?)\b/),
    ).toEqual([]);
  });

  it("has a name in small letters with dashes", () => {
    const odd = sources
      .map(({ path }) => path)
      .filter((path) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(path));
    expect(odd).toEqual([]);
  });

  it("hands on nothing that is another file's, and the only lists are those of patterns and of providers", () => {
    expect(offenders(sources, /\bexport \*|\bexport (?:type )?\{[^}]*\} from/)).toEqual([]);
    const lists = sources.map(({ path }) => path).filter((path) => path.endsWith("index.ts"));
    expect(lists.sort()).toEqual(["agents/providers/index.ts", "patterns/index.ts"]);
  });

  it("has no way around the compiler or the linter", () => {
    const around = sources.filter(({ text }) =>
      /@ts-(?:ignore|expect-error|nocheck)|biome-ignore|eslint-disable/.test(text),
    );
    expect(around.map(({ path }) => path)).toEqual([]);
  });
});

describe("every dependency of the run time", () => {
  it("has a home in src, and is told in the decisions", () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const used = sources.flatMap(({ imports }) => imports.filter(({ isOurs }) => !isOurs).map(({ from }) => from));
    const folder = join(ROOT, "docs", "decisions");
    const decisions = readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), "utf8"))
      .join("\n");
    for (const name of Object.keys(dependencies)) {
      const isUsed = used.some((from) => from === name || from.startsWith(`${name}/`));
      expect(isUsed, `${name} is imported`).toBe(true);
      expect(decisions, name).toContain(`\`${name}\``);
    }
  });
});
