import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

/** A piece of a page; whatever is put into one is escaped. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Nothing is loaded, run or framed: a page is text, its own style, and forms that go nowhere else. */
export const PAGE_HEADERS = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "cache-control": "no-store",
};

/** A whole page; one that can still change loads itself anew. */
export const layout = (title: string, body: Html, refreshSeconds?: number): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refreshSeconds === undefined ? "" : html`<meta http-equiv="refresh" content="${refreshSeconds}">`}
<title>${title}</title>
${STYLE}
</head>
<body>
<header><a href="/">Baton</a></header>
<main>${body}</main>
</body>
</html>`;

const STYLE = html`<style>
:root { color-scheme: light dark; --line: #8883; --soft: #8882; --dim: #777; }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; }
header { padding: .8rem 1.5rem; border-bottom: 1px solid var(--line); font-weight: 650; letter-spacing: .02em; }
main { max-width: 75rem; margin: 0 auto; padding: 1.2rem 1.5rem 4rem; }
a { color: inherit; text-decoration-color: var(--dim); text-underline-offset: .2em; }
h1 { font-size: 1.25rem; margin: .2rem 0 .6rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.8rem 0 .5rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 550; color: var(--dim); font-size: .85rem; }
th, td { padding: .4rem .7rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.text { overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--soft); padding: .8rem 1rem; border-radius: 6px; margin: .4rem 0; max-height: 40rem; overflow: auto; }
code, pre, .mono { font: 13px/1.5 ui-monospace, monospace; }
dl { display: flex; flex-wrap: wrap; gap: .4rem 2rem; margin: .5rem 0; }
dt { color: var(--dim); font-size: .85rem; } dd { margin: 0; }
summary { cursor: pointer; }
.dim { color: var(--dim); }
h3 { font-size: .9rem; margin: .8rem 0 .2rem; }
.decide { border: 1px solid var(--line); border-radius: 8px; padding: .2rem 1rem 1rem; margin: 1rem 0; }
.decide h2 { margin: .6rem 0; } pre.whole { max-height: none; }
textarea { width: 100%; font: 13px/1.5 ui-monospace, monospace; } button, input { font: inherit; padding: .2rem .7rem; }
.status { display: inline-block; padding: 0 .55rem; border-radius: 999px; font-size: .85rem; background: #8883; white-space: nowrap; }
.succeeded, .success { background: #2e9e4f33; } .failed, .dead, .exception { background: #d33a3a33; }
.running, .queued { background: #3a7bd533; } .waiting, .semantic { background: #c9930033; }
</style>`;

/** A status in its colour. */
export const badge = (status: string): Html => html`<span class="status ${status}">${status}</span>`;

/** A moment as people read it. */
export const moment = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ");

/** A duration as people read it. */
export const duration = (ms: number): string =>
  ms < 1000
    ? `${Math.round(ms)} ms`
    : ms < 60_000
      ? `${(ms / 1000).toFixed(1)} s`
      : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;

/** A page that says one thing, and where one may go from there. */
export const notice = (text: string, back?: string): Html =>
  layout("Baton", html`<p>${text}</p>${back === undefined ? "" : html`<p><a href="${back}">Back to the run</a></p>`}`);
