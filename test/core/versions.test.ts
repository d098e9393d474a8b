import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allowsKey } from "../../src/core/memory.ts";
import { overlaps } from "../../src/core/overlaps.ts";
import { verdictsOf } from "../../src/core/verdicts.ts";
import { splitVersion, versionMeant } from "../../src/core/versions.ts";

describe("a version that is named", () => {
  const word = fc.stringMatching(/^[a-z0-9.]{1,6}$/);
  const version = fc.record({ version: word, tag: fc.option(word, { nil: undefined }), tried: fc.boolean() });

  it("is one that was named so, by its hash before any tag, and no tag means one that was only tried", () => {
    fc.assert(
      fc.property(fc.array(version, { maxLength: 8 }), word, (given, wanted) => {
        const all = given.map(({ tag, ...one }, number) => ({ ...one, number, ...(tag !== undefined && { tag }) }));
        const found = versionMeant(all, wanted);
        const byHash = all.filter((one) => one.version === wanted);
        const byTag = all.filter((one) => one.tag === wanted && !one.tried);
        if (byHash.length > 0) expect(byHash).toContain(found);
        else expect(found).toBe(byTag.at(-1));
      }),
    );
  });

  it("stands behind the last @ of a name", () => {
    expect(splitVersion("critic@1.0.0")).toEqual({ name: "critic", version: "1.0.0" });
    expect(splitVersion("critic")).toEqual({ name: "critic" });
    expect(splitVersion("@critic")).toEqual({ name: "@critic" });
  });
});

describe("a key of memory", () => {
  it("is allowed by itself, by any beginning of it with a star, and by nothing else", () => {
    const key = fc.stringMatching(/^[a-z/.]{1,8}$/);
    fc.assert(
      fc.property(key, key, fc.nat({ max: 8 }), (one, other, length) => {
        expect(allowsKey([one], one)).toBe(true);
        expect(allowsKey([`${one.slice(0, length)}*`], one)).toBe(true);
        expect(allowsKey([other], one)).toBe(one === other);
        expect(allowsKey([`${other}*`], one)).toBe(one.startsWith(other));
        expect(allowsKey([], one)).toBe(false);
      }),
    );
  });
});

describe("descriptions that say nearly the same", () => {
  it("are told of each other, whatever their small words; others are not", () => {
    const found = overlaps([
      { name: "a", description: "Reviews code for security holes and tells what to fix" },
      { name: "b", description: "Review of code for security holes; tells what must be fixed" },
      { name: "c", description: "Reviews code for style and naming" },
      { name: "d", description: "" },
      { name: "e", description: "" },
    ]);
    expect(Object.fromEntries(found)).toEqual({ a: ["b"], b: ["a"] });
  });
});

describe("what gates have said", () => {
  const maker = { agent: "maker@1" };
  const critic = { agent: "critic@1" };

  it("of a plan is its validator's word on who joined it", () => {
    const answers = [
      { place: "synthesis", ...maker, value: "a" },
      { place: "validation", ...critic, value: { ok: false } },
      { place: "synthesis.2", ...maker, value: "b" },
      { place: "validation.2", ...critic, value: { ok: true } },
    ];
    expect(verdictsOf("plan_and_execute", { validator: "critic" }, answers)).toEqual([
      { agent: "maker@1", passed: false },
      { agent: "maker@1", passed: true },
    ]);
    expect(verdictsOf("plan_and_execute", {}, answers)).toEqual([]);
  });

  it("is no verdict where nobody judged, where it cannot be told, or where two steps have one name", () => {
    const answers = [{ place: "maker", ...maker, value: "a" }];
    const steps = (gate: object, more: object[] = []) => ({ steps: [{ agent: "maker", gate }, ...more] });
    expect(verdictsOf("run_pipeline", steps({ critic: "critic" }), answers)).toEqual([]);
    expect(verdictsOf("run_pipeline", steps({ when: "has(steps.other)" }), answers)).toEqual([]);
    expect(verdictsOf("run_pipeline", steps({ when: "output == 'a'" }), answers)).toEqual([
      { agent: "maker@1", passed: true },
    ]);
    expect(verdictsOf("run_pipeline", steps({ schema: { type: "object" }, critic: "critic" }), answers)).toEqual([
      { agent: "maker@1", passed: false },
    ]);
    expect(verdictsOf("run_pipeline", steps({ when: "output == 'a'" }, [{ agent: "maker" }]), answers)).toEqual([]);
    expect(verdictsOf("run_agent", { agent: "maker", task: "t" }, answers)).toEqual([]);
  });
});
