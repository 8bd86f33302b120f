/** How messages look. */
import * as assert from "uvu/assert";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import { render } from "../../grammar/render.ts";
import type { SourceFile } from "../../grammar/source.ts";
import { nearest } from "../../grammar/suggest.ts";
import { suite } from "../harness/suite.ts";

/** A message that points at pieces of texts. */
const about = (...labels: readonly [file: SourceFile, piece: string, text: string][]): Diagnostic => ({
  id: "some-id",
  title: "something is wrong",
  labels: labels.map(([file, piece, text]) => {
    const start = file.text.indexOf(piece);
    return { span: { file, start, end: start + piece.length }, text };
  }),
});
const file = (text: string, path = "a.lcomp"): SourceFile => ({ path, text });

suite("grammar: render", ({ test }) => {
  test("several places in several files, the first underlined with carets", () => {
    const caller = file("let a = 1\nlet b = f(a)\nlet c = 2\nlet d = 3\n");
    const callee = file("\nfn f(x) = x\n", "std/nn");
    const shown = render({
      ...about(
        [caller, "f(a)", "called here"],
        [callee, "x)", "declared here"],
        [caller, "d =", "also"],
        [caller, "a)", ""],
      ),
      hint: "mend it",
    });
    assert.is(
      shown,
      [
        "problem: something is wrong [some-id]",
        " --> a.lcomp:2:9",
        "2 | let b = f(a)",
        "  |         ^^^^ called here",
        "  |           --",
        "  :",
        "4 | let d = 3",
        "  |     --- also",
        " --> std/nn:2:6",
        "2 | fn f(x) = x",
        "  |      -- declared here",
        "  = hint: mend it",
      ].join("\n"),
    );
  });

  test("tabs are two blanks, and what has no shape is a dot", () => {
    const shown = render(about([file("\tlet\ta = \u0007b"), "a", "here"]));
    assert.match(shown, "1 |   let  a = ·b\n  |        ^ here");
  });

  test("a wide line is cut around the place", () => {
    const shown = render(about([file(`${"x + ".repeat(300)}here${" + y".repeat(300)}`), "here", "this"]));
    const [, , line = "", mark = ""] = shown.split("\n");
    assert.ok(line.length < 120 && line.startsWith("1 | …") && line.endsWith("…"), line);
    assert.is(mark.indexOf("^^^^ this"), line.indexOf("here"));
  });

  test("a place behind the end stands at the last line, also in an empty file", () => {
    const end = (text: string): string => {
      const span = { file: file(text), start: text.length, end: text.length };
      return render({ id: "end", title: "it ends", labels: [{ span, text: "" }] });
    };
    assert.is(end(""), "problem: it ends [end]\n --> a.lcomp:1:1\n1 |\n  | ^");
    assert.is(end("a\nb\n\n\n"), "problem: it ends [end]\n --> a.lcomp:2:2\n2 | b\n  |  ^");
  });

  test("several lines are underlined to the end of the first", () => {
    assert.match(render(about([file("f(\n  a\n)"), "f(\n  a\n)", "all"])), "1 | f(\n  | ^^ all");
  });

  test("colour is added, never in place of text", () => {
    const diagnostic = { ...about([file("let a"), "a", "here"]), hint: "mend it" };
    const coloured = render(diagnostic, true);
    assert.ok(coloured.includes("\u001b[31m^ here\u001b[0m"));
    assert.is(coloured.replaceAll(/\p{Cc}\[\d+m/gu, ""), render(diagnostic));
  });

  test("a title's own control characters do not reach the terminal", () => {
    assert.not.match(render({ ...about([file("x"), "x", "\u001b[2J"]), title: "\u001b[2J" }), "\u001b");
  });

  test("a word is suggested only if few letters differ", () => {
    assert.is(nearest("stag", ["save", "stage", "state"]), "stage");
    assert.is(nearest("recpie", ["recipe"]), "recipe");
    assert.is(nearest("frobnicate", ["recipe", "fn"]), undefined);
  });
});
