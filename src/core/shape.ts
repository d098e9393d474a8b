import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { Failure } from "./errors.ts";
import { fingerprint } from "./fingerprint.ts";
import type { JsonSchema } from "./provider.ts";

const MAX_BYTES = 100_000;
const KEPT = 500;
const compiled = new Map<string, ValidateFunction>();

/** Fails where a caller's JSON Schema is no usable schema, and says what is wrong in it. */
export function checkShape(shape: JsonSchema): void {
  validator(shape);
}

/** What is wrong with a value, in words that its maker can act on; undefined where it fits. */
export function misfit(value: unknown, shape: JsonSchema): string | undefined {
  const validate = validator(shape);
  if (validate(value)) return undefined;
  const problems = (validate.errors ?? []).slice(0, 8).map(({ instancePath, message, params }) => {
    const extra = "additionalProperty" in params ? ` (${JSON.stringify(params["additionalProperty"])})` : "";
    const allowed = "allowedValues" in params ? ` (${JSON.stringify(params["allowedValues"])})` : "";
    return `${instancePath === "" ? "the value" : instancePath} ${message ?? "is wrong"}${extra}${allowed}`;
  });
  return problems.join("; ");
}

function validator(shape: JsonSchema): ValidateFunction {
  const key = fingerprint(shape);
  const known = compiled.get(key);
  if (known) return known;
  if (JSON.stringify(shape).length > MAX_BYTES) throw unusable(`it is larger than ${MAX_BYTES} bytes`);
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, validateFormats: true });
  formats.default(ajv);
  try {
    const fresh = ajv.compile(shape);
    if (compiled.size >= KEPT) compiled.delete(compiled.keys().next().value ?? "");
    compiled.set(key, fresh);
    return fresh;
  } catch (error) {
    throw unusable(error instanceof Error ? error.message : String(error));
  }
}

const unusable = (why: string): Failure =>
  new Failure("INVALID_INPUT", `this is no usable JSON Schema: ${why}`, {
    hint: 'Give a JSON Schema (2020-12), such as {"type":"object","properties":{"title":{"type":"string"}},"required":["title"]}.',
  });
