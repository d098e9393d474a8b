import { describe, expect, it } from "vitest";
import { isSecretName, REDACTED, redact } from "../../src/core/redact.ts";

describe("secrets in what is logged", () => {
  it("are taken out by the name of their key, at any depth", () => {
    const told = redact({ a: [{ deep: { apiKey: "abc", headers: { Authorization: "x", "set-cookie": ["y"] } } }] });
    expect(told).toEqual({
      a: [{ deep: { apiKey: REDACTED, headers: { Authorization: REDACTED, "set-cookie": REDACTED } } }],
    });
  });

  it("are taken out of texts that hold a key of a vendor or a bearer token", () => {
    expect(
      JSON.stringify(redact({ message: "401 for sk-proj-abcdefghijklmnop, sent Bearer abcdefgh12345678" })),
    ).not.toMatch(/abcdefgh/);
  });

  it("are taken out of errors and their causes", () => {
    const cause = Object.assign(new Error("inner"), { headers: { "x-api-key": "abc" } });
    const told = JSON.stringify(redact({ err: new Error("outer sk-ant-abcdefghijklmnop", { cause }) }));
    expect(told).not.toMatch(/abc/);
    expect(told).toContain("inner");
  });

  it("are not confused with counts", () => {
    const counts = { input_tokens: 5, max_output_tokens: 9, tokens: { usd: 1 }, tokens_env: "BATON_TOKENS" };
    expect(redact(counts)).toEqual(counts);
  });

  it.each([
    "api_key",
    "apiKey",
    "API-KEY",
    "x-api-key",
    "authorization",
    "password",
    "client_secret",
    "accessToken",
    "token",
  ])("have names such as %s", (name) => expect(isSecretName(name)).toBe(true));

  it("leave no way round: not by depth, not by a circle", () => {
    let deep: object = { password: "abc" };
    for (let i = 0; i < 100; i++) deep = { deep };
    expect(JSON.stringify(redact(deep))).not.toContain("abc");
    const circle: Record<string, unknown> = { password: "abc" };
    circle["self"] = circle;
    expect(JSON.stringify(redact(circle))).not.toContain("abc");
  });
});
