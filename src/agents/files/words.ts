/** What a tool of a host lets its agent do. `nothing`: what only that host has a use for. */
export type Means =
  | "read"
  | "list"
  | "glob"
  | "grep"
  | "fetch"
  | "search"
  | "edit"
  | "exec"
  | "agents"
  | "skill"
  | "nothing";

/** What a field of a file is to us. */
export type FieldWord =
  | "own"
  | "name"
  | "description"
  | "version"
  | "told"
  | "model"
  | "fallbacks"
  | "tools"
  | "denied"
  | "permission"
  | "servers"
  | "consult"
  | "effort"
  | "turns"
  | "minutes"
  | "temperature"
  | "read_only"
  | "posture"
  | "search"
  | "isolation"
  | "off"
  | "kind";

/** A word of ours; why it is not read; or what to do about it, since its agent is not itself without it. */
export type Meaning =
  | FieldWord
  | { readonly note: string }
  | { readonly need: string; readonly unless?: "guards" | "memory" | "tools" };

/** One host's files as data: where they lie, what their fields mean, and what its tools are called. */
export interface Dialect {
  readonly name: string;
  /** In a sentence. */
  readonly host: string;
  /** Of its files, in small letters; the first is looked into where the settings say nothing. */
  readonly folders: readonly string[];
  readonly fields: Readonly<Record<string, Meaning>>;
  /** In small letters. */
  readonly tools: Readonly<Record<string, readonly Means[]>>;
}

export const SKILLS: Meaning = {
  need: "skills are texts and programs of its host. Put what they say into its body, and remove this line",
};

export const HOOKS: Meaning = {
  need: "its host runs them around its work, and no command of an agent's file is ever run here. Say as `x-baton: { guards: … }` what they check, or remove this line",
  unless: "guards",
};
