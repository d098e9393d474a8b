import { Failure } from "./errors.ts";
import type { HostRule } from "./settings.ts";

/** A host that requests may go to, and the variables whose values may be sent there. */
export interface OpenHost {
  readonly written: string;
  readonly secrets: readonly string[];
}

/** The rule that lets a request through; throws FORBIDDEN where there is none. */
export function hostFor(url: URL, rules: readonly HostRule[]): OpenHost {
  const fitting = rules.map(opened).filter(({ written }) => fits(url, written));
  const [first] = fitting;
  if (!first) throw closed(url, rules);
  return { written: first.written, secrets: fitting.flatMap(({ secrets }) => secrets) };
}

const opened = (rule: HostRule): OpenHost =>
  typeof rule === "string" ? { written: rule, secrets: [] } : { written: rule.host, secrets: rule.secrets };

/** Plain HTTP is for one's own machine, and for hosts that were written with `http://`. */
function fits(url: URL, written: string): boolean {
  const isPlain = written.startsWith("http://");
  const host = written.slice(isPlain ? "http://".length : 0).toLowerCase();
  const scheme = isPlain || (isLoopback(url.hostname) && url.protocol === "http:") ? "http:" : "https:";
  if (url.protocol !== scheme) return false;
  if (!host.startsWith("*.")) return url.host === bare(host, scheme);
  const ending = bare(host.slice(1), scheme);
  return url.host.endsWith(ending) && url.host.length > ending.length;
}

const DEFAULT_PORT: Readonly<Record<string, RegExp>> = { "https:": /:443$/, "http:": /:80$/ };

/** A URL does not show the port that goes without saying. */
const bare = (host: string, scheme: string): string => host.replace(DEFAULT_PORT[scheme] ?? /$^/, "");

/** Is it this very machine? */
export const isLoopback = (name: string): boolean =>
  name === "localhost" || name === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(name);

function closed(url: URL, rules: readonly HostRule[]): Failure {
  const named = rules.map((rule) => opened(rule).written);
  const open = named.length === 0 ? "the setting `hosts` is empty" : `the setting \`hosts\` names ${named.join(", ")}`;
  const wanted = url.protocol === "http:" && !isLoopback(url.hostname) ? `http://${url.host}` : url.host;
  return new Failure("FORBIDDEN", `no request may go to ${url.protocol}//${url.host}: ${open}`, {
    hint: `Whoever runs this server may add ${JSON.stringify(wanted)} to the setting \`hosts\` (BATON_HOSTS).`,
  });
}
