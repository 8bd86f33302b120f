/** What all pages of the site have around them. */
import { Html, html } from "../runtime/cli/page/html.ts";
import { style } from "../runtime/cli/page/style.ts";
import type { Page } from "./pages.ts";

/** The text of a page, with the list of all pages. Nothing is loaded from elsewhere, and nothing runs. */
export const page = (at: Page, pages: readonly Page[]): string => {
  const groups = [...Map.groupBy(pages, ({ group }) => group)].map(
    ([group, some]) => group && html`<li>${group}<ul>${some.map((each) => entry(each, at))}</ul></li>\n`,
  );
  const title = at.title === "lcomp" ? at.title : `${at.title} · lcomp`;
  return `<!doctype html>\n<html lang="en">\n${
    html`<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${new Html(style + more)}</style>
</head>
<body>
<a class="skip" href="#main">To the text</a>
<nav aria-label="Pages"><details ${at.path === "index.html" ? new Html("open") : null}><summary>Pages</summary><ul>
${groups}</ul></details></nav>
<main id="main">
${at.body}</main>
</body>
</html>
`.text
  }`;
};

const entry = ({ path, title }: Page, at: Page): Html =>
  path === at.path
    ? html`<li><a href="${path}" aria-current="page">${title}</a></li>`
    : html`<li><a href="${path}">${title}</a></li>`;

/** Beside what reports look like. */
const more = `
a { color: var(--mark-1); }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; }
nav { border-bottom: 1px solid var(--line); padding-bottom: 0.5rem; }
nav ul { list-style: none; padding: 0; margin: 0.25rem 0; display: flex; flex-wrap: wrap; gap: 0 1.25rem; }
nav details > ul { flex-direction: column; }
nav a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none; }
main p, main li { max-width: 48rem; }
pre b { font-weight: 600; color: var(--mark-1); }
pre i { font-style: normal; color: var(--quiet); }
.string { color: var(--mark-3); }
.number-literal { color: var(--mark-4); }
`;
