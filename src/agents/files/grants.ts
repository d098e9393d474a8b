import { BUILT_IN_SERVER } from "../../core/toolbox.ts";
import { USUAL_SEARCHES } from "./asked.ts";
import type { Beside, Draft } from "./draft.ts";
import { type Lacking, lackingWords } from "./lacking.ts";
import { partsOf } from "./tool-list.ts";
import { meantBy, type ToolHouse } from "./tool-words.ts";
import type { Means } from "./words.ts";

/** What the words of a draft for tools come to here. */
export interface Given {
  readonly tools?: string[];
  readonly approve?: string[];
  readonly web_search?: { max_uses: number };
  readonly notes: readonly string[];
  /** What it asks for that is not here, and what to do about it. */
  readonly lacking?: string;
}

/** What is built in, by what it lets an agent do. */
const BUILT_IN: Partial<Record<Means, string>> = {
  read: `${BUILT_IN_SERVER}/read`,
  list: `${BUILT_IN_SERVER}/list`,
  glob: `${BUILT_IN_SERVER}/glob`,
  grep: `${BUILT_IN_SERVER}/grep`,
  fetch: `${BUILT_IN_SERVER}/fetch`,
};

/** What one who may only look is given where no tools are named. */
const LOOKS = (["read", "list", "glob", "grep"] as const).flatMap((means) => BUILT_IN[means] ?? []);

const CHANGES: readonly Means[] = ["edit", "exec"];

/** Finds out what a draft may call here: every word means something, or the agent is not itself. */
export function grantsOf(draft: Draft, beside: Beside, house: ToolHouse): Given {
  const { tools, servers = [], read_only } = draft;
  const words = tools ?? (read_only ? LOOKS : servers.map((server) => `${server}/*`));
  if (words.length === 0) return { notes: tools === undefined ? untooled(beside) : [] };
  const sum = new Sum(draft, beside, house);
  for (const word of words) sum.add(word);
  return sum.given();
}

const untooled = ({ dialect }: Beside): string[] =>
  dialect.folders.length === 0
    ? []
    : [
        `it names no tools, with which ${dialect.host} would give it all; here it has none: name them in \`tools\`, or in \`x-baton: { tools: […] }\``,
      ];

/** Adds up what words mean, less what is denied. */
class Sum {
  readonly #draft: Draft;
  readonly #beside: Beside;
  readonly #house: ToolHouse;
  readonly #grants = new Set<string>();
  readonly #approve = new Set<string>();
  readonly #denied: ReadonlySet<string>;
  readonly #lacking: Lacking[] = [];
  readonly #idle: string[] = [];
  readonly #withheld: string[] = [];
  readonly #notes: string[] = [];
  #searches = false;

  constructor(draft: Draft, beside: Beside, house: ToolHouse) {
    this.#draft = draft;
    this.#beside = beside;
    this.#house = house;
    const denied = (draft.denied ?? []).filter((word) => word !== "*" && !isPart(word));
    this.#denied = new Set(denied.flatMap((word) => this.#grantsOf(word)));
  }

  add(word: string): void {
    if (this.#isDenied(word)) return;
    const { tool, within } = partsOf(word);
    const meant = meantBy(word, this.#beside.dialect, this.#house);
    if (meant.grants) this.#grant(meant.grants, within === undefined ? undefined : word);
    else if (meant.server !== undefined) this.#lacking.push({ word, server: meant.server });
    else if (meant.means) this.#addMeans(word, tool, meant.means, within);
    else this.#lacking.push({ word });
    if (meant.all)
      this.#notes.push(`\`${word}\` is all that is here: ${[...(meant.grants ?? [])].join(", ") || "nothing"}`);
  }

  #addMeans(word: string, tool: string, all: readonly Means[], within: string | undefined): void {
    for (const means of all) {
      const grant = BUILT_IN[means];
      if (grant !== undefined) this.#grant([grant], undefined);
      else if (means === "search") this.#search(word);
      else if (means === "nothing") this.#idle.push(tool);
      else if (CHANGES.includes(means) && this.#draft.read_only) this.#withheld.push(tool);
      else if (means !== "agents" || this.#draft.consult === undefined) this.#lacking.push({ word: tool, means });
    }
    if (within !== undefined && all.some((means) => BUILT_IN[means] !== undefined))
      this.#notes.push(`\`${word}\`: the settings \`folders\` and \`hosts\` bound it, and not what stands in brackets`);
  }

  #search(word: string): void {
    if ((this.#draft.approve ?? []).includes(word))
      this.#notes.push(`\`${word}\` is not given: nobody can be asked before each search of a vendor's`);
    else this.#searches ||= !this.#mayNotSearch();
  }

  /** What is allowed in part is allowed each time by a person, who sees which part it is. */
  #grant(grants: readonly string[], part: string | undefined): void {
    for (const grant of grants) {
      this.#grants.add(grant);
      if (part !== undefined) this.#approve.add(grant);
    }
    if (part !== undefined) this.#notes.push(`\`${part}\` is allowed in part, so a person must allow each use`);
  }

  given(): Given {
    const tools = [...this.#grants].filter(
      (grant) => !this.#denied.has(grant) && !this.#denied.has(`${serverOf(grant)}/*`),
    );
    const torn = [...this.#denied].filter(
      (denied) => !denied.endsWith("/*") && tools.includes(`${serverOf(denied)}/*`),
    );
    const approve = this.#careful().filter((grant) => tools.some((one) => overlaps(one, grant)));
    const { web_search = { max_uses: USUAL_SEARCHES } } = this.#draft;
    const lacking = lackingWords(this.#lacking, torn, this.#beside);
    return {
      ...(tools.length > 0 && { tools }),
      ...(approve.length > 0 && { approve: [...new Set(approve)] }),
      ...(this.#searches && { web_search }),
      notes: [...new Set([...this.#notes, ...this.#told(), ...this.#unasked(tools)])],
      ...(lacking !== undefined && { lacking }),
    };
  }

  /** What a person must allow: as its author says, and where only a part is allowed or denied. */
  #careful(): string[] {
    const parts = (this.#draft.denied ?? []).filter(isPart);
    return [...this.#approve, ...[...(this.#draft.approve ?? []), ...parts].flatMap((word) => this.#grantsOf(word))];
  }

  /** Words that ask for a person and are about none of its tools: perhaps another was meant. */
  #unasked(tools: readonly string[]): string[] {
    const idle = (this.#draft.approve ?? []).filter((word) => {
      const grants = this.#grantsOf(word);
      return word.includes("/") && !grants.some((grant) => tools.some((one) => overlaps(one, grant)));
    });
    return idle.map(
      (word) => `nobody is asked for \`${word}\`: it is none of its tools, which are ${tools.join(", ") || "none"}`,
    );
  }

  #told(): string[] {
    const { host } = this.#beside.dialect;
    return [
      ...(this.#idle.length > 0 ? [`only ${host} has a use for ${this.#idle.join(", ")}`] : []),
      ...(this.#withheld.length > 0 ? [`it may only look, so it is not given ${this.#withheld.join(", ")}`] : []),
    ];
  }

  #grantsOf(word: string): readonly string[] {
    const { grants, means = [] } = meantBy(word, this.#beside.dialect, this.#house);
    return grants ?? means.flatMap((one) => BUILT_IN[one] ?? []);
  }

  #mayNotSearch(): boolean {
    const { dialect } = this.#beside;
    return (this.#draft.denied ?? []).some((word) => meantBy(word, dialect, this.#house).means?.join() === "search");
  }

  #isDenied(word: string): boolean {
    const { tool } = partsOf(word);
    return (this.#draft.denied ?? []).some((denied) => !isPart(denied) && denied.toLowerCase() === tool.toLowerCase());
  }
}

/** Is there a tool that both mean? */
const overlaps = (one: string, other: string): boolean =>
  one === other || one === `${serverOf(other)}/*` || other === `${serverOf(one)}/*`;

const isPart = (word: string): boolean => partsOf(word).within !== undefined;
const serverOf = (grant: string): string => grant.slice(0, grant.indexOf("/"));
