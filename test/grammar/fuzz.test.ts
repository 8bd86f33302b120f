/** Random edits of real programs: a tree or messages with places, never anything else. */
import { existsSync, globSync, readFileSync } from "node:fs";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { accepted } from "../../grammar/diagnostic.ts";
import { format } from "../../grammar/format.ts";
import { parse } from "../../grammar/parse.ts";
import { render } from "../../grammar/render.ts";
import { position } from "../../grammar/source.ts";
import { suite } from "../harness/suite.ts";

const root = new URL("../..", import.meta.url).pathname;
const folders = ["stdlib", "examples", "test/golden/parse", "../shared/design/northstar"].filter((path) =>
  existsSync(root + path),
);
const programs = folders
  .flatMap((path) => globSync(`${root}${path}/**/*.lcomp`).sort())
  .map((path) => readFileSync(path, "utf8"));

const pieces = [
  ..."(){}[]=:,.-+*/%^<>!?|\"'#;\\&@$~` \n\t\r\0é≤\u{1F600}\ud800",
  "let ",
  "fn ",
  "where ",
  "else ",
  "over ",
  "feedback ",
  "repeat ",
  "stage ",
  "recipe ",
  "each ",
  "not ",
  "then ",
  "///",
  "//",
  "...",
  "..",
  "->",
  "==",
  "**",
  ":=",
  "1e",
  "2:4",
  "50%",
  "0x1f",
  "\n}",
  "\nfn f(x) = x\n",
];
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  drop: fc.constantFrom(0, 0, 1, 2, 8, 60),
  put: fc.oneof(
    fc.constantFrom("", ...pieces),
    fc.constantFrom(...pieces).map((piece) => piece.repeat(3)),
  ),
});
const mutant = fc
  .record({ text: fc.constantFrom(...programs), edits: fc.array(edit, { minLength: 1, maxLength: 6 }) })
  .map(({ text, edits }) =>
    edits.reduce((edited, { at, drop, put }) => {
      const start = Math.floor(at * edited.length);
      return edited.slice(0, start) + put + edited.slice(start + drop);
    }, text),
  );

/** A tree that can be written and read again, or messages about places in the text beside one of what could be read. */
function check(text: string): void {
  const file = { path: "mutant.lcomp", text };
  const { artifact, problems } = parse(file);
  const written = format(artifact);
  if (problems.length === 0)
    assert.is(format(accepted(parse({ path: "written.lcomp", text: written }))), written, "formatting twice");
  const lines = text.split("\n").length;
  for (const problem of problems) {
    for (const { span } of problem.labels) {
      assert.is(span.file, file);
      assert.ok(span.start >= 0 && span.start <= span.end && span.end <= text.length);
      assert.ok(position(file, span.start).line <= lines);
    }
    assert.match(render(problem), /mutant\.lcomp:\d+:\d+/);
  }
}

suite("grammar: fuzz", ({ test }) => {
  const numRuns = Number(process.env["LCOMP_RUNS"] ?? 2000);
  test("edited programs are read or refused with places", () => fc.assert(fc.property(mutant, check), { numRuns }));

  test("any text is read or refused with places", () => {
    const words = fc.array(fc.constantFrom(...pieces, "x ", "f(x) ", "f32[in] ", "of ", "for ", "model ", "{ ", " }"), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary", maxLength: 200 }),
          words.map((drawn) => drawn.join("")),
        ),
        check,
      ),
      { numRuns },
    );
  });

  test("a program cut short anywhere is read or refused with places", () => {
    const [first = ""] = programs;
    for (let end = 0; end <= first.length; end++) check(first.slice(0, end));
  });
});
