/** What the library has, and what messages mean: pages made of the sources themselves. */
import type { Example } from "../compiler/problems/explanation.ts";
import { explanationGroups } from "../compiler/problems/explanations.ts";
import type { Documented } from "../runtime/cli/library.ts";
import { wholeLibrary } from "../runtime/cli/list.ts";
import { type Html, html, list, type Part } from "../runtime/cli/page/html.ts";
import { code } from "./code.ts";
import type { Page } from "./pages.ts";

/** A page for each part of the library, and one that lists them. */
export function libraryPages(): readonly Page[] {
  const parts = Map.groupBy(wholeLibrary(), ({ module }) => module.split("/").slice(0, 2).join("/"));
  const pages = [...parts].map(([part, declared]): Page => {
    const modules = [...Map.groupBy(declared, ({ module }) => module)];
    const body = html`<h1>${part}</h1>\n${modules.map(([name, some]) => moduleText(name, some))}`;
    return { path: pathOf(part), title: part, group: null, body };
  });
  const rows = [...parts].map(([part, declared]) => {
    const names = declared.filter(({ kind }) => kind !== "fn");
    const shown = (names.length > 0 ? names : declared).map((each, i) => [i > 0 ? ", " : "", linkTo(part, each)]);
    return html`<a href="${pathOf(part)}">${part}</a>: ${shown}`;
  });
  const body = html`<h1>The library</h1>\n<p>Methods, architectures, formats and functions, each as its source has it. <code>lcomp doc NAME</code> shows the same.</p>\n${list(rows)}`;
  return [{ path: "library.html", title: "The library", group: "Reference", body }, ...pages];
}

const pathOf = (part: string): string => `${part.replace("std/", "library-")}.html`;

const anchorOf = ({ module, name }: Documented): string => `${module.split("/").slice(2).join("-")}-${name}`;

const linkTo = (part: string, declared: Documented): Html =>
  html`<a href="${pathOf(part)}#${anchorOf(declared)}">${declared.name}</a>`;

function moduleText(name: string, declared: readonly Documented[]): Part {
  const about = declared[0]?.about ?? "";
  return [html`<h2>${name}</h2>\n`, about === "" ? null : paragraph(about), declared.map(declarationText)];
}

function declarationText(declared: Documented): Html {
  const { module, kind, name, doc, header } = declared;
  const isImported = module !== "std/prelude" && kind !== "arch";
  const how = isImported ? code(`import { ${name} } from "${module}"`, "lcomp") : null;
  return html`<h3 id="${anchorOf(declared)}">${name}</h3>\n${code(header, "lcomp")}${paragraph(doc)}${how}`;
}

/** Lines as they stand; what is between backquotes is code. */
const paragraph = (text: string): Html =>
  html`<p>${text.split("\n").map((line, i) => [i > 0 ? html`<br>` : null, inline(line)])}</p>\n`;

const inline = (text: string): Part =>
  text.split("`").map((each, i) => (i % 2 === 1 ? html`<code>${each}</code>` : each));

/** What every message means. */
export function messages(): Page {
  const groups = Object.entries(explanationGroups).map(([title, group]) => {
    const each = Object.entries(group).map(([id, { text, examples }]) => {
      const wrong = examples
        ? [html`<p>Wrong:</p>\n`, shown(examples.wrong), html`<p>Right:</p>\n`, shown(examples.right)]
        : [];
      return html`<h3 id="${id}">${id}</h3>\n${paragraph(text.replace(/\s+/g, " "))}${wrong}`;
    });
    return html`<h2>${title}</h2>\n${each}`;
  });
  const body = html`<h1>Messages</h1>\n<p>What stands in brackets behind a message; <code>lcomp explain NAME</code> says the same.</p>\n${groups}`;
  return { path: "messages.html", title: "Messages", group: "Reference", body };
}

const shown = ({ shown: text, model }: Example): Part => [
  model ? paragraph(`For a model whose config.json is \`${JSON.stringify(model.config)}\`:`) : null,
  code(text.trimEnd(), "lcomp"),
];
