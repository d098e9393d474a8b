import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { globPattern } from "../../src/toolbox/built-in/glob-pattern.ts";
import { htmlText } from "../../src/toolbox/built-in/html.ts";
import { toolbox } from "./toolbox.ts";

const home = realpathSync(mkdtempSync(join(tmpdir(), "baton-built-in-")));
const docs = join(home, "docs");
const away = join(home, "away");
for (const folder of [docs, away, "docs/src", "docs/.git", "docs/node_modules/a"])
  mkdirSync(folder.startsWith("docs/") ? join(home, folder) : folder, { recursive: true });
const write = (path: string, text: string | Buffer) => writeFileSync(join(home, path), text);
write("docs/notes.md", "# Notes\nBegin early.\r\nEnd late.\n");
write("docs/src/a.ts", "export const a = 1;\nexport const b = a + 1;\n");
write("docs/src/b.js", "const late = true;\n");
write("docs/.git/config", "late");
write("docs/node_modules/a/index.js", "late");
write("docs/picture.png", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2]));
write("docs/long.txt", Array.from({ length: 5000 }, (_, i) => `line ${i + 1}`).join("\n"));
write("docs/slow.txt", `${"a".repeat(50)}!\n`);
write("away/secret.txt", "late, and nobody may read this");
symlinkSync(join(away, "secret.txt"), join(docs, "innocent.txt"));
symlinkSync(away, join(docs, "src", "elsewhere"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const files = toolbox({}, { folders: [docs] });
const use = (tool: string, args: object = {}) => files.call(`baton/${tool}`, args);
const said = async (tool: string, args: object = {}) => {
  const { text, is_error } = await use(tool, args);
  expect(is_error, text).toBe(false);
  return text;
};
const refused = async (tool: string, args: object = {}) => {
  const { text, is_error } = await use(tool, args);
  expect(is_error, text).toBe(true);
  return text;
};

describe("the built-in tools", () => {
  it("are offered as far as the settings let them reach anything; all of them only read", async () => {
    const { tools, lacking } = await files.tools(["baton/*"]);
    expect(tools.map(({ name }) => name)).toEqual(["baton_read", "baton_list", "baton_glob", "baton_grep"]);
    for (const tool of tools) expect(tool).toMatchObject({ effect: false, approve: false, input: { type: "object" } });
    expect(lacking).toMatchObject([
      { grant: "baton/fetch", why: expect.stringContaining("hosts: [docs.example.com]") },
    ]);
    const none = await toolbox({}, { folders: [] }).tools(["baton/read"]);
    expect(none).toMatchObject({
      tools: [],
      lacking: [{ grant: "baton/read", why: expect.stringContaining("folders: [docs]") }],
    });
    expect(await toolbox({}).call("baton/read", { path: "a" })).toMatchObject({ is_error: true });
    expect((await use("reed")).text).toContain("there are read, list, glob, grep, fetch");
    expect((await use("read", { file: "a" })).text).toContain("do not fit");
  });
});

describe("read", () => {
  it("gives lines with their numbers", async () => {
    expect(await said("read", { path: "notes.md" })).toBe("1\t# Notes\n2\tBegin early.\n3\tEnd late.");
    expect(await said("read", { path: "docs/notes.md", offset: 2, limit: 1 })).toBe(
      "2\tBegin early.\n[lines 2-2 of 3; go on with offset 3]",
    );
    expect(await said("read", { path: "notes.md", offset: 9 })).toBe("[there is no line 9: the file has 3]");
    const long = await said("read", { path: "long.txt" });
    expect(long.split("\n")).toHaveLength(2001);
    expect(long).toContain("[lines 1-2000 of 5000; go on with offset 2001]");
  });

  it("describes what is no text", async () => {
    expect(await said("read", { path: "picture.png" })).toBe("[picture.png is no text: image/png, 7 bytes, not shown]");
  });

  it.each([
    ["innocent.txt"],
    ["../away/secret.txt"],
    ["src/elsewhere/secret.txt"],
    [join(away, "secret.txt")],
    ["/etc/hostname"],
  ])("does not read %s, which lies elsewhere", async (path) => {
    expect(await refused("read", { path })).toContain("may not be read");
  });

  it("says what is not there, and what is a folder", async () => {
    expect(await refused("read", { path: "nots.md" })).toContain("there is no file");
    expect(await refused("read", { path: "src" })).toContain("no plain file");
  });
});

describe("list and glob", () => {
  it("tell what is there", async () => {
    const text = await said("list");
    expect(text).toContain("docs/\n");
    for (const line of ["  src/", "  notes.md  32 bytes", "  innocent.txt  a link"]) expect(text).toContain(line);
    expect(await said("list", { path: "src" })).toBe("src/\n  a.ts  44 bytes\n  b.js  19 bytes\n  elsewhere  a link");
    expect(await refused("list", { path: "src/elsewhere" })).toContain("may not be read");
    expect(await refused("list", { path: "notes.md" })).toContain("is a file");
  });

  it("find files by their names, and follow no link", async () => {
    expect(await said("glob", { pattern: "**/*.{ts,js}" })).toBe("docs/src/a.ts\ndocs/src/b.js");
    expect(await said("glob", { pattern: "*.txt" })).toBe("docs/long.txt\ndocs/slow.txt");
    expect(await said("glob", { pattern: "a.*", path: "src" })).toBe("src/a.ts");
    expect(await said("glob", { pattern: "nothing" })).toBe("[no file fits]");
  });

  it.each([
    ["*.ts", "a.ts", true],
    ["*.ts", "src/a.ts", true],
    ["./*.ts", "src/a.ts", false],
    ["src/*.ts", "src/deep/a.ts", false],
    ["src/**/*.ts", "src/a.ts", true],
    ["src/**/*.ts", "src/deep/er/a.ts", true],
    ["**/deep/**", "src/deep/er/a.ts", true],
    ["src/?.ts", "src/ab.ts", false],
    ["src/[ab].ts", "src/b.ts", true],
    ["src/[!a-c].ts", "src/b.ts", false],
    ["{src,test}/**/{a,b}.ts", "test/x/b.ts", true],
    ["**/x.ts", "ax.ts", false],
    ["a+(b).ts", "a+(b).ts", true],
  ])("%s for %s: %s", (pattern, path, fits) => {
    expect(globPattern(pattern)(path)).toBe(fits);
  });

  it("take no time that grows without bound", () => {
    const began = performance.now();
    expect(globPattern(`${"*a".repeat(200)}b`)("a".repeat(4000))).toBe(false);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(() => globPattern("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}")).toThrow("at most 64 choices");
  });
});

describe("grep", () => {
  it("finds lines, and leaves out what nobody looks at", async () => {
    expect(await said("grep", { pattern: "late" })).toBe(
      "docs/notes.md:3: End late.\ndocs/src/b.js:1: const late = true;\n[1 files were left out: too large, or no text]",
    );
    expect(await said("grep", { pattern: "LATE", ignore_case: true, path: "notes.md" })).toBe("notes.md:3: End late.");
    expect(await said("grep", { pattern: "export", glob: "**/*.ts", max: 1 })).toBe(
      "docs/src/a.ts:1: export const a = 1;\n[1 hits; there may be more: ask for a narrower pattern, or more with max]",
    );
    expect(await said("grep", { pattern: "early", path: "notes.md", context: 1 })).toBe(
      "notes.md:1- # Notes\nnotes.md:2: Begin early.\nnotes.md:3- End late.",
    );
    expect(await said("grep", { pattern: "nowhere", glob: "*.md" })).toBe("[nothing fits]");
  });

  it("refuses what is no expression, and ends one that would take for ever without stopping anybody else", async () => {
    expect(await refused("grep", { pattern: "(" })).toContain("no regular expression");
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 20);
    const text = await refused("grep", { pattern: "^(a+)+$", path: "slow.txt" });
    clearInterval(ticking);
    expect(text).toContain("took more than 5 seconds");
    expect(ticks).toBeGreaterThan(50);
  });
});

describe("fetch", () => {
  let answer: RequestListener = (_, response) => response.end();
  const server = createServer((request, response) => answer(request, response));
  let here = "";
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    here = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  const page =
    (body: string | Buffer, type: string, status = 200, headers = {}): RequestListener =>
    (_, response) =>
      response.writeHead(status, { "content-type": type, ...headers }).end(body);
  const get = (url = `http://${here}/`, hosts = [here]) => toolbox({}, { hosts }).call("baton/fetch", { url });

  it("gives a page as a text", async () => {
    answer = page(
      "<html><head><title>A &amp; B</title></head><body><h1>Hi</h1><p>Go <a href='https://x.example/y'>there</a>.",
      "text/html",
    );
    expect(await get()).toEqual({ text: "A & B\n\n# Hi\n\nGo there (https://x.example/y).", is_error: false });
    answer = page('{"a":1}', "application/json");
    expect((await get()).text).toBe('{"a":1}');
    answer = page(Buffer.from([0xe4]), "text/plain; charset=latin1");
    expect((await get()).text).toBe("ä");
  });

  it("describes what is no text, and reads only so much", async () => {
    answer = page(Buffer.from([0x89, 0x50, 0, 1]), "image/png");
    expect((await get()).text).toContain("image/png, 4 bytes, not shown");
    answer = page("x".repeat(5_000_000), "text/plain");
    expect((await get()).text).toContain("[cut:");
  });

  it.each([
    ["https://other.example.com/", "no request may go to"],
    ["http://localhost:1/", "no request may go to"],
    ["file:///etc/passwd", "no request may go to"],
    ["http://me:you@127.0.0.1/", "a user or a password"],
    ["orders", "is no URL"],
  ])("does not ask %s", async (url, why) => {
    expect(await get(url)).toMatchObject({ is_error: true, text: expect.stringContaining(why) });
  });

  it("follows a page that sends on, as long as it may", async () => {
    answer = (request, response) =>
      request.url === "/"
        ? response.writeHead(302, { location: "/next" }).end()
        : page("there", "text/plain")(request, response);
    expect((await get()).text).toBe("there");
    answer = page("", "text/plain", 302, { location: "http://169.254.169.254/latest" });
    expect((await get()).text).toContain("no request may go to http://169.254.169.254");
    answer = page("", "text/plain", 302, { location: "/" });
    expect((await get()).text).toContain("sends on and on");
  });

  it("tells what the server said, and lets pass what may pass", async () => {
    answer = page("no such page", "text/plain", 404);
    expect(await get()).toMatchObject({ is_error: true, text: expect.stringContaining("answered 404: no such page") });
    answer = page("later", "text/plain", 503);
    await expect(get()).rejects.toMatchObject({ code: "OVERLOADED" });
    answer = (request) => void request.socket.destroy();
    await expect(get()).rejects.toMatchObject({ code: "NETWORK" });
  });
});

describe("a page", () => {
  it.each([
    ["<p>a<p>b", "a\n\nb"],
    ["<ul><li>a</li><li>b</li></ul>", "- a\n- b"],
    ["<table><tr><td>1</td><td>2</td></tr></table>", "1 | 2 |"],
    ["a<script>if (1 < 2) alert('</p>')</script>b<style>p{}</style>c", "abc"],
    ["a<!-- <p>no -->b", "ab"],
    ["1 < 2 &lt; 3 &#8364; &#x41; &nbsp;&unknown;", "1 < 2 < 3 € A &unknown;"],
    ['<a href="javascript:x">no link</a>', "no link"],
    ["<script>never closed", ""],
    ["<p unclosed", ""],
    ["", ""],
  ])("%s is read as %j", (html, text) => {
    expect(htmlText(html).text).toBe(text);
  });

  it.each([
    "<".repeat(200_000),
    "<!--".repeat(50_000),
    "<script>".repeat(50_000),
    "</script".repeat(50_000),
    "&#".repeat(200_000),
  ])("of one sign again and again takes no time", (html) => {
    const began = performance.now();
    htmlText(html);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});
