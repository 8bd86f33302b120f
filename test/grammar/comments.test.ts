/** `lcomp fmt` keeps comments, drawn at random into programs, where they stand. */
import { globSync, readFileSync } from "node:fs";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { format } from "../../grammar/format.ts";
import { isDoc } from "../../grammar/layout.ts";
import { lex } from "../../grammar/lexical.ts";
import { parse } from "../../grammar/parse.ts";
import { T } from "../../grammar/tokens.ts";
import { suite } from "../harness/suite.ts";
import { seed } from "../ops/random.ts";
import { checkRoundTrip, read } from "./round-trip.ts";

const root = new URL("../..", import.meta.url).pathname;
const programs = globSync(["stdlib/**/*.lcomp", "examples/**/*.lcomp", "test/golden/parse/*.lcomp"], {
  cwd: root,
}).sort();

/** A program with comments between its tokens, each behind a token on its line or on a line of its own. */
const commented = fc
  .record({
    path: fc.constantFrom(...programs),
    places: fc.array(
      fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), isOwn: fc.boolean(), isApart: fc.boolean() }),
      {
        minLength: 1,
        maxLength: 8,
      },
    ),
  })
  .map(({ path, places }) => {
    const text = readFileSync(root + path, "utf8");
    const { tokens } = lex({ path, text });
    const inserted = new Map(places.map((place) => [Math.floor(place.at * tokens.length), place]));
    return [...inserted]
      .sort(([a], [b]) => b - a)
      .reduce((edited, [at, { isOwn, isApart }]) => {
        const { startOffset = 0, image = "" } = tokens[at] ?? {};
        const end = startOffset + image.length;
        const comment = `${isApart ? "\n" : ""}${isOwn ? "\n" : ""} // note ${at}\n${isApart ? "\n" : ""}`;
        return edited.slice(0, end) + comment + edited.slice(end);
      }, text);
  });

/** Tokens and comments in their order, without what the canonical text may add or leave out. */
function orderOf(text: string): string {
  const { tokens, comments } = lex({ path: "ordered.lcomp", text });
  const kept = tokens.filter(({ image }) => !["(", ")", ","].includes(image));
  const notes = comments.filter((comment) => !isDoc(comment));
  return [...kept, ...notes]
    .sort((a, b) => a.startOffset - b.startOffset)
    .map(({ image, tokenType }) => (tokenType === T.String ? "a string" : image.replaceAll(/\s/g, "")))
    .join("\n");
}

function checkComments(text: string): void {
  const { artifact: module, problems } = parse({ path: "commented.lcomp", text });
  fc.pre(problems.length === 0);
  const written = format(module);
  assert.is(orderOf(written), orderOf(text), `${text}\n──\n${written}`);
  checkRoundTrip(module);
}

suite("grammar: comments", ({ test }) => {
  test(`a comment stays between the tokens where it stands (LCOMP_SEED=${seed})`, () => {
    const numRuns = Number(process.env["LCOMP_RUNS"] ?? 150);
    fc.assert(fc.property(commented, checkComments), { numRuns, seed });
  });

  for (const [text, written] of [
    [
      "recipe half(\n  model: Model,\n  n: Int = 3 // tail\n) {\n  report n\n}\n",
      "recipe half(\n  model: Model,\n  n: Int = 3,  // tail\n) {\n  report n\n}\n",
    ],
    ["fn f(x) {\n  let y = (x // c\n  )(x)\n  y\n}\n", "fn f(x) {\n  let y = x(  // c\n    x)\n  y\n}\n"],
    ["fn f(x) = g(a, // first\n  b)\n", "fn f(x) = g(a,  // first\n  b)\n"],
    ["fn f(x) {\n\n  // c\n\n  x\n\n  // d\n\n}\n", "fn f(x) {\n  // c\n\n  x\n\n  // d\n}\n"],
    [
      "// a\n\n\n/// doc\nfn f(x) = x // b\n// c\nfn g(x) = x",
      "// a\n\n/// doc\nfn f(x) = x  // b\n\n// c\nfn g(x) = x\n",
    ],
  ] as const)
    test(`written is ${JSON.stringify(written)}`, () => {
      assert.is(format(read(text)), written);
      checkRoundTrip(read(text));
    });
});
