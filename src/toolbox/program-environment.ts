import { isSecretName, REDACTED, redactText } from "../core/redact.ts";
import type { ServerSettings } from "../core/toolbox.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What programs need to start and to find their own things; nothing in it is a secret. */
const NEEDED = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"];
const NEEDED_ON_WINDOWS = [
  ...["PATH", "PATHEXT", "COMSPEC", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "TEMP", "TMP"],
  ...["USERNAME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"],
  ...["PROGRAMFILES", "PROGRAMFILES(X86)", "PROGRAMW6432", "PROCESSOR_ARCHITECTURE"],
];

/** All that a program finds in its environment: what it needs to start, and what its settings name. */
export function programEnvironment(
  { env = {}, env_from = [] }: ServerSettings,
  own: Environment,
  platform: NodeJS.Platform,
): Record<string, string> {
  const names = platform === "win32" ? NEEDED_ON_WINDOWS : NEEDED;
  const taken = [...names, ...env_from].flatMap((name) => {
    const value = variable(own, name, platform);
    return value === undefined || value.startsWith("()") ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(taken), ...env };
}

/** Variables that its settings name and Baton has not. */
export const missingVariables = (
  { env_from = [], headers_env = {} }: ServerSettings,
  own: Environment,
  platform: NodeJS.Platform,
): string[] => [...env_from, ...Object.values(headers_env)].filter((name) => !variable(own, name, platform));

/** On Windows `Path` is `PATH`. */
function variable(own: Environment, name: string, platform: NodeJS.Platform): string | undefined {
  if (platform !== "win32") return own[name];
  const key = Object.keys(own).find((each) => each.toUpperCase() === name.toUpperCase());
  return key === undefined ? undefined : own[key];
}

const SHORTEST = 8;

/** Takes out of a text what its server was given in confidence, and what looks like a key. */
export function scrubber(
  { env = {}, env_from = [], headers = {}, headers_env = {} }: ServerSettings,
  own: Environment,
) {
  const named = [...env_from, ...Object.values(headers_env)].map((name) => own[name]);
  const written = Object.entries({ ...env, ...headers }).flatMap(([name, value]) => (isSecretName(name) ? value : []));
  const secrets = [...named, ...written].filter((value) => value !== undefined && value.length >= SHORTEST);
  const values = [...new Set(secrets)].sort((a, b) => (b?.length ?? 0) - (a?.length ?? 0));
  const exact = (text: string): string =>
    values.reduce<string>((rest, value) => rest.replaceAll(value ?? "", () => REDACTED), text);
  return {
    /** For what a model is to read: only what was given in confidence. */
    exact,
    /** For logs and failures. */
    strict: (text: string): string => redactText(exact(text)),
  };
}

export type Scrub = ReturnType<typeof scrubber>;
