import { readYaml, type YamlText } from "../../core/yaml-text.ts";

/** A Markdown file in its two parts, or why it has none. */
export type Parted =
  | { readonly yaml: YamlText; readonly body: string; readonly problem?: undefined }
  | { readonly problem: string; readonly bare: boolean };

/**
 * Parts a text at the two lines of three dashes and reads what stands between as YAML: nothing in it is ever run.
 * `bare` says that the text does not begin with front matter at all.
 */
export function partFrontMatter(text: string): Parted {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  const first = lines[0]?.trimEnd() ?? "";
  if (/^---\S/.test(first))
    return {
      bare: false,
      problem: `1:4: front matter is YAML between two lines of \`---\`; no other language is read`,
    };
  if (first !== "---")
    return {
      bare: true,
      problem: "1:1: it has no front matter: begin it with a line `---`, fields such as `name`, and another line `---`",
    };
  const end = lines.findIndex((line, i) => i > 0 && /^(---|\.\.\.)\s*$/.test(line));
  if (end < 0) return { bare: false, problem: "1:1: its front matter has no end: close it with a line `---`" };
  return {
    yaml: lenient(lines.slice(1, end)),
    body: lines
      .slice(end + 1)
      .join("\n")
      .trim(),
  };
}

/**
 * A description is often written in one line, unquoted and with colons in it, and a hint with brackets. Other hosts read
 * that as text, and so it is read here where the strict reading fails.
 */
function lenient(lines: readonly string[]): YamlText {
  const strict = readYaml(lines.join("\n"), 2);
  if (strict.problems.length === 0) return strict;
  const again = readYaml(lines.map(quoted).join("\n"), 2);
  return again.problems.length === 0 ? again : strict;
}

const TEXTS = [/^(description:[ \t]+)([^\s"'|>[{&*!].*)$/, /^(argument-hint:[ \t]+)([^\s"'|>].*)$/];

const quoted = (line: string): string =>
  TEXTS.reduce(
    (text, pattern) => text.replace(pattern, (_, name: string, value: string) => name + JSON.stringify(value.trim())),
    line,
  );
