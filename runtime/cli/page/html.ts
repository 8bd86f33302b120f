/** Pages: HTML in which all that is not ours is text. A page is one file, which loads nothing and runs nothing. */
import { shapely } from "../../run/model-card.ts";
import { json } from "../terminal.ts";
import { style } from "./style.ts";

/** HTML, in which every text is escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What stands in HTML: HTML as it is, texts and numbers escaped, parts one after the other, nothing for `null`. */
export type Part = Html | string | number | null | readonly Part[];

/** HTML as it is written, around parts: `` html`<p>${name}</p>` ``. */
export const html = (written: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(String.raw({ raw: written }, ...parts.map(shown)));

function shown(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === "string") return escaped(part);
  if (typeof part === "number") return String(part);
  return part === null ? "" : part.map(shown).join("");
}

const signs: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** As text, and as an attribute's value; what has no shape is a dot. */
const escaped = (text: string): string => shapely(text).replace(/[&<>"']/g, (sign) => signs[sign] ?? sign);

/** A chapter under a heading; none without contents. */
export const section = (title: string, ...contents: readonly Part[]): Html | null =>
  contents.every((each) => each === null) ? null : html`<section>\n<h2>${title}</h2>\n${contents}</section>\n`;

/** What is wider than the page, and scrolls in it, also by keys. */
const scrolling = (name: string, contents: Html): Html =>
  html`<div class="wide" tabindex="0" role="group" aria-label="${name}">\n${contents}</div>\n`;

/** A table whose first columns are words, the others numbers; the first names its row. None without rows. */
export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly Part[])[],
  { words = 1 } = {},
): Html | null {
  if (rows.length === 0) return null;
  const kind = (column: number): Html | null => (column < words ? null : html` class="number"`);
  const names = head.map((name, i) => html`<th scope="col"${kind(i)}>${name}</th>`);
  const body = rows.map((row) => {
    const cells = row.map((cell, i) =>
      i === 0 ? html`<th scope="row">${cell}</th>` : html`<td${kind(i)}>${cell}</td>`,
    );
    return html`<tr>${cells}</tr>\n`;
  });
  return scrolling(
    caption,
    html`<table>\n<caption>${caption}</caption>\n<thead><tr>${names}</tr></thead>\n<tbody>\n${body}</tbody>\n</table>\n`,
  );
}

/** A picture under its title. */
export const figure = (title: string, drawn: Html): Html =>
  html`<figure>\n<figcaption>${title}</figcaption>\n${scrolling(title, drawn)}</figure>\n`;

/** What is shown when it is asked for. */
export const folded = (summary: string, contents: Part): Html | null =>
  contents === null ? null : html`<details>\n<summary>${summary}</summary>\n${contents}</details>\n`;

export const list = (items: readonly Part[]): Html | null =>
  items.length === 0 ? null : html`<ul>\n${items.map((item) => html`<li>${item}</li>\n`)}</ul>\n`;

/** How a page of ours begins: by that, one is known that may be replaced. */
export const pageStart = `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="generator" content="lcomp">\n`;

/** Nothing is loaded, whatever stands in the page. */
const policy = "default-src 'none'; style-src 'unsafe-inline'";

interface PageParts {
  readonly title: string;
  /** Under the title: what it comes to. */
  readonly lead: Part;
  readonly body: Part;
  /** What the page shows, for programs. */
  readonly record: unknown;
}

/** The text of a page, with its record in it. */
export const page = ({ title, lead, body, record }: PageParts): string =>
  pageStart +
  html`<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
${lead}</header>
<main>
${body}</main>
<footer><p>Written by lcomp. What it shows is in it as JSON, too.</p></footer>
${new Html(recordStart)}${new Html(dataText(record))}${new Html(recordEnd)}
</body>
</html>
`.text;

const recordStart = '<script type="application/json" id="record">';
const recordEnd = "</script>";

/** JSON in which nothing ends the element that it stands in. */
const dataText = (record: unknown): string => json(record).replaceAll("<", "\\u003c");

/** The record's text in that of a page; undefined if it is none of ours. */
export function recordIn(text: string): string | undefined {
  const start = text.lastIndexOf(recordStart);
  if (!text.startsWith(pageStart) || start < 0) return undefined;
  return text.slice(start + recordStart.length, text.indexOf(recordEnd, start));
}
