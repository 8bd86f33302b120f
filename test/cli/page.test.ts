/** Pages: whole in one file, well-formed, text where text is meant; and as a browser lays them out. */

import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as assert from "uvu/assert";
import { comparison } from "../../runtime/cli/compare-table.ts";
import { comparePage } from "../../runtime/cli/page/compare-page.ts";
import { recordIn } from "../../runtime/cli/page/html.ts";
import { runPage } from "../../runtime/cli/page/run-page.ts";
import { hostile, record, reported } from "../given/run-report.ts";
import { findChromium, whileOpen } from "../harness/chromium.ts";
import { golden } from "../harness/golden.ts";
import { suite, testUnless } from "../harness/suite.ts";
import { root } from "../repository/sources.ts";

const bare = { ...reported, ...record, measures: {}, values: {}, series: {}, along: {}, zeros: {}, expectations: [] };

/** A tag: its name, its attributes as written, and whether it has an end of its own. */
const tags =
  /<(?<end>\/?)(?<name>[a-zA-Z][\w-]*)(?<attributes>(?: [\w:-]+="[^"<]*")*)(?<alone> ?\/?)>|<!doctype html>/g;
const void_ = ["meta", "br"];

/** The elements of a page, each of which ends where it must; nothing that begins like a tag is none. */
function elementsOf(page: string): readonly { readonly name: string; readonly attributes: string }[] {
  const open: string[] = [];
  const found: { name: string; attributes: string }[] = [];
  for (const { groups = {} } of page.matchAll(tags)) {
    const { end, name, attributes = "", alone = "" } = groups;
    if (name === undefined) continue;
    if (end) assert.is(open.pop(), name, page.slice(0, 200));
    else found.push({ name, attributes });
    if (!end && !void_.includes(name) && !alone.endsWith("/")) open.push(name);
  }
  assert.equal(open, []);
  assert.not.match(page.replace(tags, ""), /</, "something begins like a tag and is none");
  return found;
}

/** What a browser has made of a page in a frame; sizes in pixels. */
interface Frame {
  readonly width: number;
  readonly scrollWidth: number;
  readonly pictures: number;
  /** The least of a text to what is behind it, as WCAG counts it. */
  readonly contrast: number;
}

/** Shows a page in frames as wide as a phone and as a desktop, and measures it there. */
const measuring = `<!doctype html>
<link rel="icon" href="data:,">
<iframe src="/page" style="width: 390px; height: 800px; border: 0"></iframe>
<iframe src="/page" style="width: 1280px; height: 800px; border: 0"></iframe>
<script>
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const behind = (element) => {
    const { backgroundColor } = getComputedStyle(element);
    return /, 0\\)$/.test(backgroundColor) ? behind(element.parentElement) : backgroundColor;
  };
  const measured = ({ contentDocument: { documentElement: page }, clientWidth: width }) => {
    const texts = [...page.querySelectorAll("body *:not(script)")].filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ""));
    const contrasts = texts.map((each) => {
      const { color, fill } = getComputedStyle(each);
      return ratio(light(each.localName === "text" ? fill : color), light(behind(each)));
    });
    return { width, scrollWidth: page.scrollWidth, pictures: page.querySelectorAll("svg").length, contrast: Math.min(...contrasts) };
  };
  addEventListener("load", () => fetch("/answer", { method: "POST", body: JSON.stringify([...document.querySelectorAll("iframe")].map(measured)) }));
</script>`;

async function shownInBrowser(
  page: string,
): Promise<{ readonly asked: readonly string[]; readonly frames: readonly Frame[] }> {
  const files = new Map([
    ["/", measuring],
    ["/page", page],
  ]);
  const asked: string[] = [];
  const server = createServer();
  const frames = new Promise<readonly Frame[]>((resolve, reject) => {
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const { url = "", method } = request;
      if (method === "POST") text(request).then((body) => resolve(JSON.parse(body) as Frame[]), reject);
      else {
        asked.push(url);
        response.setHeader("Content-Type", "text/html").end(files.get(url) ?? "");
      }
    });
  });
  try {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    return { frames: await whileOpen(url, frames), asked };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

suite("page", (here) => {
  const { test } = here;

  test("that of a run shows all that its report has", async () => {
    golden("test/golden/pages/run.html", await runPage(reported));
  });

  test("a page is well-formed, loads nothing, and no text from outside is more than text", async () => {
    const compared = [hostile, `"><b> ${hostile}`, "\u202E & \u0007", "$'$&$`"].map((path) => ({
      path,
      report: reported,
    }));
    const pages = [await runPage(reported), await runPage(bare), await comparePage(comparison(compared))];
    for (const page of pages) {
      const elements = elementsOf(page);
      assert.equal(
        elements.filter(({ name }) => ["script", "link", "img", "iframe", "object", "use", "a"].includes(name)),
        [{ name: "script", attributes: ' type="application/json" id="record"' }],
      );
      for (const { attributes } of elements) assert.not.match(attributes, / (?:src|href|xlink:href|style|on\w+)=/);
      assert.not.match(page, /url\(|@import/);
      assert.match(page, /<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; /);
      assert.not.match(page, /[^\P{C}\n\t]/u);
    }
  });

  test("the report stands in it for programs, and is explained key by key", async () => {
    assert.equal(JSON.parse(recordIn(await runPage(reported)) ?? ""), JSON.parse(JSON.stringify(reported)));
    const [, section = ""] = readFileSync(join(root, "docs/plan.md"), "utf8").split(
      "\n## What `lcomp run --json` prints",
    );
    const explained = section.split("\n## ")[0] ?? "";
    for (const key of Object.keys(reported)) assert.match(explained, `\`${key}\``, key);
  });

  test("equal reports are equal pages", async () => assert.is(await runPage(reported), await runPage(reported)));

  testUnless(findChromium() === undefined ? "there is no Chromium" : null, here)(
    "a phone and a desktop show it without a request, no wider than they are, in colours that can be read",
    async () => {
      const { asked, frames } = await shownInBrowser(await runPage(reported));
      assert.equal(asked, ["/", "/page", "/page"]);
      for (const { width, scrollWidth, pictures, contrast } of frames) {
        assert.ok(scrollWidth <= width, `${scrollWidth} of ${width}`);
        assert.is(pictures, 9);
        assert.ok(contrast >= 4.5, `${contrast}`);
      }
    },
  );
});
