/** The report of a run: where it lies, what it takes the place of, and what it says where nothing was saved. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { recordIn } from "../../runtime/cli/page/html.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";
import { writeFiles } from "../run/recipe.ts";
import { lcomp } from "./lcomp.ts";

const recipe = (statements: string): string => `
import { magnitude } from "std/prune/magnitude"
recipe few(model: Model, most: Float = 1) {
  stage small = magnitude(50%) of model for layer[0 .. 1].q
  report zeros(small)
${statements}
}
`;

const given = ["run", "few.lcomp", "--model", join(root, "examples/tiny"), "--quiet"];
const read = (...path: readonly string[]): string => readFileSync(join(...path), "utf8");

/** What a page has, without times and the memory of the process. */
const timeless = (page: string): string =>
  JSON.stringify(JSON.parse(recordIn(page) ?? ""), (key, value) => (/seconds$|^process$/.test(key) ? null : value));

suite("cli: report", ({ test }) => {
  test(
    "it lies beside the result, shows what --json prints, and takes the place of an earlier one with the result",
    inFolder(async (folder) => {
      writeFiles(folder, { "few.lcomp": recipe('  save small as "huggingface"') });
      const ran = lcomp(folder, [...given, "--out", "new/out", "--json"]);
      assert.is(ran.status, 0, ran.stderr);
      assert.equal(readdirSync(join(folder, "new")), ["out", "out.report.html"]);
      const page = read(folder, "new/out.report.html");
      assert.equal(JSON.parse(recordIn(page) ?? ""), JSON.parse(ran.stdout));
      const [layer] = JSON.parse(ran.stdout).layers;
      const sizes = { elements: 16_384, zeros: 8192, bytes_before: 32_768, bytes_after: 32_768, output_error: null };
      const place = { stage: "small", layer: 0, what: "q", tensor: "model.layers.0.self_attn.q_proj.weight" };
      assert.equal({ ...layer, seconds: 0 }, { ...place, ...sizes, seconds: 0 });
      rmSync(join(folder, "new/out"), { recursive: true });
      writeFileSync(join(folder, "new/other.report.html"), "<p>mine");
      const other = lcomp(folder, [...given, "--out", "new/other"]);
      assert.is(other.status, 1);
      assert.match(other.stderr, /^lcomp: will not write \S+other\.report\.html: a file is there that is no report; /);
      const again = lcomp(folder, [...given, "--out", "new/out"]);
      assert.equal([again.status, again.stderr], [0, ""]);
      const after = read(folder, "new/out.report.html");
      assert.is.not(after, page);
      assert.is(timeless(after), timeless(page));
      assert.is(read(folder, "new/other.report.html"), "<p>mine");
    }),
  );

  test(
    "a place that cannot have it is refused before the work",
    inFolder(async (folder) => {
      writeFiles(folder, { "few.lcomp": recipe('  save small as "huggingface"') });
      mkdirSync(join(folder, "a"));
      const refused = (report: string, message: RegExp): void => {
        const { status, stderr } = lcomp(folder, [...given, "--out", "out", "--report", report, "--force"]);
        assert.is(status, 1, stderr);
        assert.match(stderr, message);
        assert.equal(readdirSync(folder), ["a", "few.lcomp"]);
      };
      refused("few.lcomp", /^lcomp: will not write \S+few\.lcomp: it is the recipe \(few\.lcomp\); .*\n$/);
      refused("a", /^lcomp: cannot write \S+: a folder is there; choose another --report\n$/);
      refused("out/report.html", /^lcomp: the report out\/report\.html would lie in the result \S+; .*\n$/);
      refused("absent/report.html", /^lcomp: cannot write \S+: there is no folder \S+absent; .*\n$/);
      refused(`${"a".repeat(250)}.html`, /^lcomp: cannot write \S+: the name is too long; choose a shorter one\n$/);
    }),
  );

  test(
    "where nothing is saved, there is one only where it is asked for",
    inFolder(async (folder) => {
      writeFiles(folder, { "few.lcomp": recipe("  expect zeros(small) > most") });
      const failed = lcomp(folder, given);
      assert.is(failed.status, 1);
      assert.equal(readdirSync(folder), ["few.lcomp"]);
      const asked = lcomp(folder, [...given, "--report", "why.html"]);
      assert.match(asked.stderr, /^lcomp: few\.lcomp:\S+ the expectation zeros\(small\) > most does not hold/);
      assert.match(read(folder, "why.html"), /<code>zeros\(small\) &gt; most<\/code>.*does not hold/);
      const twice = lcomp(folder, [...given, "--report", "why.html"]);
      assert.match(twice.stderr, /^lcomp: cannot write \S+why\.html: an earlier report is there; .* --force .*\n$/);
      assert.is(lcomp(folder, [...given, "--report", "why.html", "--force", "--most", "0"]).status, 0);
      assert.match(read(folder, "why.html"), />holds</);
    }),
  );
});
