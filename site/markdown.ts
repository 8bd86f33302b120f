/** Documents in Markdown as HTML. */
import { Marked, type Tokens } from "marked";
import { Html, html } from "../runtime/cli/page/html.ts";
import { code } from "./code.ts";

/** Where a link of a document leads on the site; null where nothing stands for it. */
export type Link = (to: string) => string | null;

/** What a document says. */
export function set(text: string, follow: Link): Html {
  const names = new Map<string, number>();
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }: Tokens.Heading): string {
        const inside = this.parser.parseInline(tokens);
        const name = anchorOf(inside, names);
        return `<h${depth} id="${name}">${inside}</h${depth}>\n`;
      },
      link({ href, tokens }: Tokens.Link): string {
        const inside = this.parser.parseInline(tokens);
        if (/^[a-z]+:/.test(href)) return html`<a href="${href}">${new Html(inside)}</a>`.text;
        const to = follow(href);
        return to === null ? inside : html`<a href="${to}">${new Html(inside)}</a>`.text;
      },
      code: ({ text, lang }: Tokens.Code): string => code(text, lang ?? "").text,
      html: ({ text }: Tokens.HTML | Tokens.Tag): string => captioned(text),
      table(token: Tokens.Table): string {
        const cell = ({ tokens, align }: Tokens.TableCell, name: "th" | "td"): string => {
          const more = `${name === "th" ? ' scope="col"' : ""}${align === "right" ? ' class="number"' : ""}`;
          return `<${name}${more}>${this.parser.parseInline(tokens)}</${name}>`;
        };
        const head = token.header.map((each) => cell(each, each.text === "" ? "td" : "th"));
        const rows = token.rows.map((row) => `<tr>${row.map((each) => cell(each, "td")).join("")}</tr>\n`);
        const inside = `<table>\n<thead><tr>${head.join("")}</tr></thead>\n<tbody>\n${rows.join("")}</tbody>\n</table>\n`;
        return `<div class="wide" tabindex="0" role="group" aria-label="table">\n${inside}</div>\n`;
      },
    },
  });
  return new Html(marked.parse(text, { async: false }));
}

/** Notes to the block below: a program's file, or the message that it gives. Others, for the tests, are left out. */
const captioned = (text: string): string =>
  text
    .replace(/<!-- file: (\S+) -->/g, '<p class="quiet"><code>$1</code></p>')
    .replace(/<!-- wrong: (\S+) -->/g, '<p class="quiet">wrong: <a href="messages.html#$1">$1</a></p>')
    .replace(/<!--[\s\S]*?-->\n?/g, "");

/** The name of a heading in links, as GitHub has it. */
function anchorOf(heading: string, names: Map<string, number>): string {
  const plain = heading.replace(/<[^>]*>/g, "").replace(/&[a-z0-9#]+;/g, "");
  const name = plain
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-");
  const count = names.get(name) ?? 0;
  names.set(name, count + 1);
  return count === 0 ? name : `${name}-${count}`;
}

export const anchorsIn = ({ text }: Html): ReadonlySet<string> =>
  new Set([...text.matchAll(/ id="([^"]*)"/g)].map(([, name = ""]) => name));

/** Links within the site. */
export const linksIn = ({ text }: Html): readonly string[] =>
  [...text.matchAll(/<a href="([^"]*)"/g)].map(([, to = ""]) => to).filter((to) => !/^[a-z]+:/.test(to));
