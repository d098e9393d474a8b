import { describe, expect, test } from "vitest";
import { Failure } from "../../src/core/errors.ts";
import { checkShape, misfit } from "../../src/core/shape.ts";

const person = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer", minimum: 0 }, role: { enum: ["writer", "critic"] } },
  required: ["name"],
  additionalProperties: false,
};

describe("a shape", () => {
  test("lets a value that fits it pass", () => {
    expect(misfit({ name: "Ada", age: 36, role: "writer" }, person)).toBeUndefined();
  });

  test("says of every part that does not fit where it is and what is wanted", () => {
    const problem = misfit({ age: -1, role: "judge", extra: 1 }, person);
    expect(problem).toContain("required property 'name'");
    expect(problem).toContain("/age must be >= 0");
    expect(problem).toContain('/role must be equal to one of the allowed values (["writer","critic"])');
    expect(problem).toContain('"extra"');
  });

  test("checks formats, conditions and things that zod would let pass", () => {
    expect(misfit("not a date", { type: "string", format: "date-time" })).toContain("date-time");
    expect(misfit({}, { required: ["a"] })).toContain("required property 'a'");
    const conditional = JSON.parse(
      '{ "if": { "properties": { "kind": { "const": "a" } } }, "then": { "required": ["b"] } }',
    );
    expect(misfit({ kind: "a" }, conditional)).toContain("required property 'b'");
  });

  test("that refers to itself judges a tree of any depth", () => {
    const tree = {
      $defs: { node: { type: "object", properties: { kids: { type: "array", items: { $ref: "#/$defs/node" } } } } },
      $ref: "#/$defs/node",
    };
    expect(misfit({ kids: [{ kids: [] }] }, tree)).toBeUndefined();
    expect(misfit({ kids: [{ kids: 3 }] }, tree)).toContain("/kids/0/kids");
  });

  test.each([
    { type: "nonsense" },
    { properties: { a: { minimum: "three" } } },
    { $ref: "https://example.com/elsewhere.json" },
    { pattern: "(" },
  ])("that no validator can use is refused with the reason: %j", (shape) => {
    try {
      checkShape(shape);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(Failure);
      expect(error).toMatchObject({ code: "INVALID_INPUT" });
      expect(String(error)).toContain("no usable JSON Schema");
    }
  });

  test("that is too large is refused", () => {
    expect(() => checkShape({ description: "x".repeat(200_000) })).toThrow("larger than");
  });

  test("whose keys stand in another order is the same shape", () => {
    const turned = Object.fromEntries(Object.entries(person).reverse());
    expect(misfit({ name: 1 }, turned)).toBe(misfit({ name: 1 }, person));
  });
});
