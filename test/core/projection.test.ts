import { describe, expect, it } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import { compilePath } from "../../src/core/json-path.ts";
import { cutLines, project } from "../../src/core/projection.ts";
import { compileTemplate } from "../../src/core/template.ts";

const VALUE = {
  a: { b: [{ c: 1 }, { c: 2 }, { c: 3 }] },
  items: [{ name: "x" }, { name: "y" }, { other: 0 }],
  "a name": { 'with "quotes"': true },
  none: null,
};

describe("a JSON path", () => {
  it.each([
    ["$", VALUE],
    ["a.b[0].c", 1],
    ["$.a.b[-1].c", 3],
    ["items[*].name", ["x", "y"]],
    ["a.b[1:].c", [2, 3]],
    ["a.b[:2]", [{ c: 1 }, { c: 2 }]],
    ["a.b.*.c", [1, 2, 3]],
    ['["a name"]["with \\"quotes\\""]', true],
    [`['a name']['with "quotes"']`, true],
    ["none", null],
  ])("%s leads to what stands there", (path, found) => {
    expect(compilePath(path).read(VALUE)).toEqual(found);
  });

  it.each(["", "a..b", "a.", "a[", "a[?(@.c>1)]", "a[(1+1)]", "$..c", "a b", "a['x", `a${".b".repeat(40)}`, "a[1,2]"])(
    "%j is refused, and nothing of it is run",
    (path) => {
      expect(() => compilePath(path)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
    },
  );

  it("sees only a value's own parts", () => {
    for (const path of ["constructor", "__proto__", "a.b.length", "a.toString"])
      expect(() => compilePath(path).read(VALUE)).toThrow(Failure);
  });

  it("that leads to nothing says how far it leads and what is there", () => {
    expect(() => compilePath("a.b[9].c").read(VALUE)).toThrow("there is a list of 3");
    expect(() => compilePath("a.x").read(VALUE)).toThrow('there is an object with "b"');
    expect(() => compilePath("none.x").read(VALUE)).toThrow("there is null");
  });
});

describe("a projection", () => {
  const lines = Array.from({ length: 100 }, (_, n) => `line ${n + 1}`).join("\n");

  it("takes the first or the last lines, and says how much it has left out", () => {
    expect(cutLines(lines, 2, undefined)).toBe("line 1\nline 2\n[cut: 777 of 791 characters left out]");
    expect(cutLines(`${lines}\n`, undefined, 1)).toBe("[cut: 783 of 792 characters left out]\nline 100\n");
    expect(cutLines(lines, 1, 1)).toBe("line 1\n[cut: 776 of 791 characters left out]\nline 100");
  });

  it.each([
    [100, undefined],
    [undefined, 100],
    [60, 40],
    [1000, 1000],
  ])("that takes all of it (head %s, tail %s) marks nothing", (head, tail) => {
    expect(cutLines(lines, head, tail)).toBe(lines);
  });

  it("looks into JSON text, also where an agent has put marks of code around it", () => {
    const json = JSON.stringify({ list: [1, 2, 3] });
    expect(project(json, { path: "list[0]" })).toBe("1");
    expect(project(`\`\`\`json\n${json}\n\`\`\``, { path: "list[2]" })).toBe("3");
    expect(project({ list: ["a", "b"] }, { path: "list", head: 2 })).toMatch(/^\[\n {2}"a",\n\[cut: /);
    expect(() => project("no json", { path: "a" })).toThrow("the text is none");
  });

  it("is there in templates as well", () => {
    const values = { inputs: { log: lines } };
    const render = (text: string) => compileTemplate(text, ["inputs"]).render(values);
    expect(render("{{ inputs.log | tail: 1 }}")).toMatch(/^\[cut: .*\nline 100$/);
    expect(render("{{ inputs.log | head: 1 }}")).toMatch(/^line 1\n\[cut/);
  });
});
