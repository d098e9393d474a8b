/** Nobody reads what stands in these. */
const HIDDEN = new Set(["script", "style", "noscript", "template", "svg", "iframe", "head", "nav", "footer"]);
const BREAKS = new Set(
  "address article aside blockquote br dd div dl dt fieldset figcaption figure form hr li main ol p pre section table tbody thead tr ul h1 h2 h3 h4 h5 h6 header".split(
    " ",
  ),
);
const ENTITIES: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", copy: "©", reg: "®", trade: "™", deg: "°" },
  ...{ mdash: "—", ndash: "–", hellip: "…", lsquo: "‘", rsquo: "’", ldquo: "“", rdquo: "”", laquo: "«", raquo: "»" },
  ...{ bull: "•", middot: "·", times: "×", euro: "€", pound: "£", sect: "§", para: "¶", rarr: "→", larr: "←" },
};

interface Tag {
  readonly name: string;
  readonly closes: boolean;
  readonly text: string;
}

/**
 * The text of a page as a person would read it: headings, paragraphs, lists, and links with where they lead. It is a
 * simple reading, in one pass over the page; what a script would draw is not there.
 */
export function htmlText(html: string): { readonly title: string; readonly text: string } {
  const page = new Page();
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf("<", at);
    page.say(html.slice(at, open < 0 ? html.length : open));
    if (open < 0) break;
    at = html.startsWith("<!--", open) ? after(html, "-->", open + 4) : page.passTag(html, open);
  }
  return { title: titleOf(html), text: page.text() };
}

class Page {
  #parts: string[] = [];
  #links: string[] = [];

  say(text: string): void {
    if (text !== "") this.#parts.push(decoded(text).replaceAll(/\s+/g, " "));
  }

  /** Deals with the tag that begins here; gives where the page goes on. */
  passTag(html: string, open: number): number {
    if (!/[a-zA-Z/!?]/.test(html[open + 1] ?? "")) {
      this.#parts.push("<");
      return open + 1;
    }
    const end = after(html, ">", open + 1);
    const tag = tagOf(html.slice(open + 1, end - 1));
    if (!tag.closes && HIDDEN.has(tag.name)) return afterElement(html, tag.name, end);
    this.#mark(tag);
    return end;
  }

  text(): string {
    const lines = this.#parts.join("").split("\n");
    const clean = lines.map((line) => line.replaceAll(/ +/g, " ").trim());
    return clean
      .join("\n")
      .replaceAll(/\n{3,}/g, "\n\n")
      .trim();
  }

  #mark({ name, closes, text }: Tag): void {
    if (name === "a") return this.#link(closes, text);
    if (name === "td" || name === "th") return void this.#parts.push(closes ? " | " : "");
    if (!BREAKS.has(name)) return;
    if (name === "br" || name === "tr" || name === "li") this.#parts.push(closes ? "" : "\n");
    else this.#parts.push("\n\n");
    if (!closes && name === "li") this.#parts.push("- ");
    if (!closes && /^h[1-6]$/.test(name)) this.#parts.push(`${"#".repeat(Number(name[1]))} `);
  }

  #link(closes: boolean, text: string): void {
    if (!closes) return void this.#links.push(hrefOf(text));
    const href = this.#links.pop() ?? "";
    if (/^https?:/i.test(href)) this.#parts.push(` (${href})`);
  }
}

function tagOf(text: string): Tag {
  const closes = text.startsWith("/");
  const name = /^[a-zA-Z][a-zA-Z0-9-]*/.exec(closes ? text.slice(1) : text)?.[0] ?? "";
  return { name: name.toLowerCase(), closes, text };
}

const hrefOf = (tag: string): string => {
  const found = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i.exec(tag.slice(0, 5000));
  return decoded(found?.[1] ?? found?.[2] ?? found?.[3] ?? "");
};

function titleOf(html: string): string {
  const open = /<title[^>]{0,200}>/i.exec(html.slice(0, 100_000));
  if (!open) return "";
  const from = open.index + open[0].length;
  const end = html.indexOf("<", from);
  return decoded(html.slice(from, end < 0 ? from + 300 : end).slice(0, 300))
    .replaceAll(/\s+/g, " ")
    .trim();
}

const after = (html: string, mark: string, from: number): number => {
  const at = html.indexOf(mark, from);
  return at < 0 ? html.length : at + mark.length;
};

/** Where an element ends that is passed over whole. */
function afterElement(html: string, name: string, from: number): number {
  for (let at = html.indexOf("</", from); at >= 0; at = html.indexOf("</", at + 2)) {
    if (html.slice(at + 2, at + 2 + name.length).toLowerCase() === name) return after(html, ">", at);
  }
  return html.length;
}

const decoded = (text: string): string =>
  text.replaceAll(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,8}));/gi,
    (whole, decimal?: string, hex?: string, name = "") => {
      const code = decimal === undefined ? (hex === undefined ? -1 : Number.parseInt(hex, 16)) : Number(decimal);
      if (code < 0) return ENTITIES[name.toLowerCase()] ?? whole;
      return code > 0 && code <= 0x10_ff_ff ? String.fromCodePoint(code) : "";
    },
  );
