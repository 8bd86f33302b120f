/** The site: every link leads somewhere, every declaration and message is there, and no page loads or runs anything. */
import * as assert from "uvu/assert";
import { explanations } from "../../compiler/problems/explanations.ts";
import { wholeLibrary } from "../../runtime/cli/list.ts";
import { Html, html } from "../../runtime/cli/page/html.ts";
import { code, coloured } from "../../site/code.ts";
import { page } from "../../site/layout.ts";
import { anchorsIn, set } from "../../site/markdown.ts";
import { site } from "../../site/pages.ts";
import { suite } from "../harness/suite.ts";

const { pages, files } = site();
const texts = new Map(pages.map((each) => [each.path, page(each, pages)]));

suite("site", ({ test }) => {
  test("no page loads or runs anything, and each leads to the others", () => {
    for (const [path, text] of texts) {
      assert.not.match(text, /<script|<link|<img|<iframe|\bsrc=|@import|url\(|\bon\w+=/i, path);
      for (const name of ["index.html", "tour.html", "library.html", "messages.html"])
        assert.match(text, `<a href="${name}"`, path);
    }
    assert.ok(files.includes("examples/first.lcomp"));
  });

  test("tags that are opened are closed", () => {
    for (const [path, text] of texts) {
      const open: string[] = [];
      for (const [, end, name = ""] of text.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
        if (["meta", "br", "hr"].includes(name)) continue;
        if (end === "") open.push(name);
        else assert.is(open.pop(), name, path);
      }
      assert.equal(open, [], path);
    }
  });

  test("every declaration of the library and every message has a place", () => {
    const all = pages.flatMap(({ path, body }) => (path.startsWith("library-") ? [...anchorsIn(body)] : []));
    assert.is(all.length, wholeLibrary().length);
    assert.is(new Set(all).size, wholeLibrary().length, "two have one name");
    const messages = anchorsIn(pages.find(({ path }) => path === "messages.html")?.body ?? new Html(""));
    for (const id of Object.keys(explanations)) assert.ok(messages.has(id), id);
  });

  test("a link that leads nowhere is refused, captions are shown, other notes are not", () => {
    assert.throws(
      () =>
        set("[a](b.md)", () => {
          throw new Error("b.md is not there");
        }),
      /b\.md is not there/,
    );
    const shown = set(
      "<!-- wrong: not-aligned -->\n```lcomp\nfn f(x) = x\n```\n\n<!-- not run: long -->\n```sh\nnpm test\n```\n",
      () => null,
    ).text;
    assert.match(shown, 'wrong: <a href="messages.html#not-aligned">not-aligned</a>');
    assert.not.match(shown, "not run");
  });

  test("a program keeps its text, and its words stand out", () => {
    const text = 'recipe fit(model: Model) {\n  let a = "<b>" // x\n  report fit(2:4, a)\n}';
    const plain = (part: string): string =>
      part
        .replace(/<[^>]*>/g, "")
        .replaceAll("&quot;", '"')
        .replaceAll("&lt;", "<")
        .replaceAll("&gt;", ">");
    const shown = html`${coloured(text)}`.text;
    assert.is(plain(shown), text);
    assert.match(shown, /^<b>recipe<\/b> fit\(/);
    assert.match(shown, '<b>report</b> fit(<span class="number-literal">2:4</span>');
    assert.match(code("a < b", "sh").text, "<code>a &lt; b</code>");
  });
});
