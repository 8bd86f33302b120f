/** Results side by side, from reports on disk: whole ones, those that say little, and files that are none. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { comparison, showComparison } from "../../runtime/cli/compare-table.ts";
import { comparePage } from "../../runtime/cli/page/compare-page.ts";
import { recordIn } from "../../runtime/cli/page/html.ts";
import { runPage } from "../../runtime/cli/page/run-page.ts";
import type { RunReport } from "../../runtime/cli/result-table.ts";
import { reported } from "../given/run-report.ts";
import { golden } from "../harness/golden.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { lcomp } from "./lcomp.ts";

/** The report of another result: so many bytes, so far from the given model. */
function sized(bytes: number, kl: number | null, perplexity: number): RunReport {
  const [save] = reported.saves;
  const [check] = Object.values(reported.checks ?? {});
  if (!save || !check) throw new Error("the report has no result");
  return {
    ...reported,
    saves: [{ ...save, bytes }],
    checks: { small: kl === null ? null : { ...check, kl } },
    measures: { perplexity: { model: 5, small: perplexity } },
  };
}

const reports = [
  { path: "a", report: sized(20_000, 0.5, 9) },
  { path: "b", report: sized(25_000, 0.02, 5.5) },
  { path: "c", report: sized(30_000, 0.03, 5.6) },
  { path: "d", report: sized(40_000, 0.001, 5.01) },
];

suite("compare", ({ test }) => {
  test("a table has the given model and each result, and says which none beats", () => {
    const found = comparison(reports);
    assert.equal([found.loss, found.front, found.notes], ["kl", ["a", "b", "d"], []]);
    golden("test/golden/screens/compare.txt", `${showComparison(found, 100)}\n${showComparison(found, 40)}`);
  });

  test("a page has the same, with a picture", async () => {
    const page = await comparePage(comparison(reports));
    golden("test/golden/pages/compare.html", page);
    assert.equal(JSON.parse(recordIn(page) ?? ""), JSON.parse(JSON.stringify(comparison(reports))));
  });

  test("without KL a measure that all have decides, and without one nothing", () => {
    const unread = [...reports, { path: "e", report: sized(10_000, null, 5) }];
    assert.equal([comparison(unread).loss, comparison(unread).front], ["perplexity", ["e"]]);
    const silent = { ...sized(10_000, null, 5), measures: {} };
    assert.equal([comparison([...unread, { path: "f", report: silent }]).loss], [null]);
  });

  test("what was measured on another text, or made of another model, is said", () => {
    const { asked } = reported;
    const windows = asked.windows.map((each) => ({ ...each, length: 9 }));
    const models = asked.models.map((each) => ({ ...each, headers: "another" }));
    const other = { ...reported, asked: { ...asked, windows, models } };
    const { notes } = comparison([...reports, { path: "e", report: other }]);
    assert.equal(notes.length, 2);
    assert.match(notes.join(), /different texts or windows.*,they were made of different models/);
  });

  test(
    "folders, reports and JSON are read; what is no report is refused by name",
    inFolder(async (folder) => {
      mkdirSync(join(folder, "a"));
      mkdirSync(join(folder, "alone"));
      const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
      write("a.report.html", await runPage(sized(20_000, 0.5, 9)));
      write("b.json", JSON.stringify(sized(25_000, 0.02, 5.5)));
      write("unsaved.json", JSON.stringify({ ...reported, checks: undefined }));
      const places = ["a/", "a.report.html", "b.json"];
      const all = lcomp(folder, ["compare", ...places, "--json", "--report", "all.html"]);
      assert.is(all.status, 0, all.stderr);
      const { results, front } = JSON.parse(all.stdout);
      assert.equal(
        results.map(({ result, bytes, kl }: Record<string, unknown>) => [result, bytes, kl]),
        [
          ["a/", 20_000, 0.5],
          ["a", 20_000, 0.5],
          ["b.json", 25_000, 0.02],
        ],
      );
      assert.equal(front, ["a/", "b.json"]);
      assert.is(all.stderr, "all.html: the results side by side\n");
      const texts: Readonly<Record<string, readonly [string, RegExp]>> = {
        absent: ["absent", /^lcomp: there is no result absent\n$/],
        "a folder without a report": [
          "alone",
          /^lcomp: alone has no report beside it \(\S+alone\.report\.html\); .*\n$/,
        ],
        "a page of compare": ["all.html", /^lcomp: all\.html is no report of lcomp run: .*\n$/],
        "a text": ["text", /^lcomp: text is no report of lcomp run\n$/],
        "JSON of another kind": ["other.json", /^lcomp: other\.json is no report of lcomp run: .*\n$/],
        "JSON that is cut off": ["cut.json", /^lcomp: cut\.json is not valid JSON.*\n$/],
        "a run that saved nothing": [
          "unsaved.json",
          /^lcomp: unsaved\.json is the report of a run that saved nothing; .*\n$/,
        ],
      };
      write("text", "<p>a page</p>");
      write("other.json", '{"asked": {"recipe": {"name": 7}}, "saves": [null, 3]}');
      write("cut.json", '{"asked": {');
      for (const [path, message] of Object.values(texts)) {
        const { status, stdout, stderr } = lcomp(folder, ["compare", "a", path]);
        assert.equal([status, stdout], [1, ""], path);
        assert.match(stderr, message);
      }
      const names = readdirSync(folder);
      const page = readFileSync(join(folder, "a.report.html"), "utf8");
      const over = lcomp(folder, ["compare", "a", "--report", "a.report.html", "--force"]);
      assert.match(over.stderr, /^lcomp: will not write \S+: it is one of the reports \(\S+\); .*\n$/);
      assert.match(
        lcomp(folder, ["compare", "a", "--report", "all.html"]).stderr,
        /an earlier report is there; .*--force/,
      );
      assert.equal([readdirSync(folder), readFileSync(join(folder, "a.report.html"), "utf8")], [names, page]);
      assert.is(lcomp(folder, ["compare"]).status, 2);
    }),
  );
});
