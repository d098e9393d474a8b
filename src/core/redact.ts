const SECRET_KEY =
  /(^|[_\-.\s])(api[_-]?key|x-api-key|authorization|proxy-authorization|password|passwd|passphrase|secret|client[_-]?secret|token|access[_-]?token|refresh[_-]?token|private[_-]?key|cookie|set-cookie|credentials?)$/;
/** Keys as vendors make them: nobody writes one by chance. */
const VENDOR_KEY =
  /\b(sk-[A-Za-z0-9_-]{12,}|(?:AKIA|ASIA)[0-9A-Z]{16}\b|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{35}|npm_[A-Za-z0-9]{36}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,20000}?-----END [A-Z ]{0,30}PRIVATE KEY-----/g;
const BEARER = /\bBearer\s+[A-Za-z0-9._~+/=-]{8,}/g;

const DEEPEST = 32;

/** What stands where a secret stood. */
export const REDACTED = "[redacted]";

/** What stands where a secret was taken out before a text left this machine. */
export const TAKEN_OUT = "[secret taken out]";

/** A text as it may leave this machine: keys that no vendor's model needs to see are taken out, and nothing else. */
export const withoutKeys = (text: string): string =>
  text.replace(VENDOR_KEY, TAKEN_OUT).replace(PRIVATE_KEY, TAKEN_OUT);

/** A name with a quoted value, as in JSON, YAML or code. */
const PAIR = /(["']?)\b([A-Za-z][\w-]{2,40})\1\s{0,3}([:=])\s{0,3}(["'])((?:(?!\4)[^\\\n]|\\.){3,400})\4/g;

/** Texts lose what looks like a key of a known vendor or a bearer token, and quoted values that a secret's name precedes. */
export const redactText = (text: string): string =>
  text
    .replace(VENDOR_KEY, REDACTED)
    .replace(PRIVATE_KEY, REDACTED)
    .replace(BEARER, REDACTED)
    .replace(PAIR, (whole, quote: string, name: string, sign: string, mark: string) =>
      isSecretName(name) ? `${quote}${name}${quote}${sign} ${mark}${REDACTED}${mark}` : whole,
    );

/** Is a thing with this name a secret? `apiKey`, `API_KEY`, `x-api-key` and `token` are; `input_tokens` is not. */
export const isSecretName = (name: string): boolean =>
  SECRET_KEY.test(name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase());

/** A copy without secrets: by the name of the key at any depth, and by the look of texts. Counts stay. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (value === null || typeof value !== "object") return value;
  if (depth > DEEPEST) return "[deeper]";
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (value instanceof Error) return redact(errorFields(value), depth + 1);
  if ("toJSON" in value && typeof value.toJSON === "function") return redact(value.toJSON(), depth + 1);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, hides(key, item) ? REDACTED : redact(item, depth + 1)]),
  );
}

const hides = (key: string, item: unknown): boolean =>
  isSecretName(key) && item !== undefined && item !== null && typeof item !== "number" && typeof item !== "boolean";

function errorFields(error: Error): object {
  const { name, message, stack, cause } = error;
  return { ...error, name, message, stack, ...(cause !== undefined && { cause }) };
}
