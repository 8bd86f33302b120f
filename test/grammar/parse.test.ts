/** The parser: trees and messages as golden files, and what a hostile file may cost. */
import { existsSync, globSync, readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { syntaxExplanations } from "../../compiler/problems/explanations-syntax.ts";
import { accepted, type Diagnostic } from "../../grammar/diagnostic.ts";
import { parse } from "../../grammar/parse.ts";
import { Parser } from "../../grammar/parser.ts";
import { render } from "../../grammar/render.ts";
import { showModule } from "../../grammar/show.ts";
import type { SourceFile } from "../../grammar/source.ts";
import { K, reserved, T, vocabulary } from "../../grammar/tokens.ts";
import { golden } from "../harness/golden.ts";
import { suite } from "../harness/suite.ts";

const root = new URL("../..", import.meta.url).pathname;
const northstar = `${root}../shared/design/northstar`;
const file = (path: string): SourceFile => ({ path: path.split("/").at(-1) ?? path, text: readFileSync(path, "utf8") });
const ids = (text: string): string[] => diagnose(text).map(({ id }) => id);

const messagesOf = (source: SourceFile): readonly Diagnostic[] => parse(source).problems;

/** The messages about a text, each with all its places inside the text. */
function diagnose(text: string): readonly Diagnostic[] {
  const diagnostics = messagesOf({ path: "test.lcomp", text });
  for (const { labels, title } of diagnostics) {
    assert.ok(labels.length > 0, `a place for: ${title}`);
    for (const { span } of labels)
      assert.ok(
        span.start >= 0 && span.start <= span.end && span.end <= text.length,
        `a place in the file for: ${title}`,
      );
  }
  return diagnostics;
}

/** Milliseconds of the processor that a text takes, messages rendered. */
function duration(text: string): number {
  const start = process.cpuUsage();
  for (const diagnostic of diagnose(text)) render(diagnostic);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

suite("grammar: trees", ({ test, skip }) => {
  for (const path of globSync("test/golden/parse/*.lcomp", { cwd: root }).sort())
    test(path, () => golden(path.replace(".lcomp", ".tree"), showModule(accepted(parse(file(root + path))))));

  const aim = "every northstar program parses";
  if (!existsSync(northstar)) skip(aim, "../shared is absent");
  else
    test(aim, () => {
      for (const path of globSync(`${northstar}/**/*.lcomp`)) assert.equal(parse(file(path)).problems, [], path);
    });

  test("an empty file is an empty module", () => {
    for (const text of ["", "\n", "// nothing\n", "\uFEFF"]) {
      const { imports, declarations } = accepted(parse({ path: "empty.lcomp", text }));
      assert.equal([imports, declarations], [[], []]);
    }
  });

  test("carriage returns and a byte order mark change nothing", () => {
    const text = "/// A doc.\nfn f(x) {\n  let a = x // a\n  -a\n}\n";
    const tree = showModule(accepted(parse({ path: "a", text })));
    assert.is(showModule(accepted(parse({ path: "a", text: `\uFEFF${text.replaceAll("\n", "\r\n")}` }))), tree);
  });

  test("beside a mistake the rest of the file is read", () => {
    const { artifact, problems } = parse({
      path: "a",
      text: "fn f(x) = x\n\nfn g(x) = x +\n\nfn h(x) {\n  let a = x x\n  x\n}\n",
    });
    assert.is(problems.length, 2);
    assert.equal(
      artifact.declarations.map(({ name }) => name.text),
      ["f", "h"],
    );
  });

  test("every node's place covers its own text", () => {
    const text = "fn f(x) = (a + b) * g(x, over in)[t: 0 .. n as s].y";
    const [declaration] = accepted(parse({ path: "a", text })).declarations;
    assert.is(declaration?.kind, "fn");
    if (declaration?.kind !== "fn" || declaration.body.kind !== "binary") throw new Error("fn f(x) = … * …");
    const { left, right } = declaration.body;
    assert.is(text.slice(left.span.start, left.span.end), "(a + b)");
    assert.is(text.slice(right.span.start, right.span.end), "g(x, over in)[t: 0 .. n as s].y");
  });

  test("every word that is not reserved is a name", () => {
    for (const word of Object.keys(K).filter((word) => !(reserved as readonly string[]).includes(word)))
      assert.equal(
        ids(`fn ${word}(${word}, over ${word}: Dim) = ${word}.${word}[${word}: ${word}] + f(${word}: ${word})`),
        [],
        word,
      );
  });
});

suite("grammar: messages", ({ test }) => {
  const paths = globSync("test/golden/syntax/*.lcomp", { cwd: root }).sort();
  for (const path of paths)
    test(path, () => {
      const source = file(root + path);
      diagnose(source.text);
      const messages = messagesOf(source).map((diagnostic) => `${render(diagnostic)}\n`);
      golden(path.replace(".lcomp", ".errors"), messages.join("\n"));
    });

  test("every id is shown in a golden file that bears its name", () => {
    const shown = new Set(paths.map((path) => path.replace(/^.*\/|\.lcomp$/g, "")));
    for (const id of Object.keys(syntaxExplanations).filter((id) => id !== "too-large")) {
      assert.ok(shown.has(id), `test/golden/syntax/${id}.lcomp`);
      assert.match(readFileSync(`${root}test/golden/syntax/${id}.errors`, "utf8"), `[${id}]`);
    }
  });

  test("all mistakes are reported at once, and nothing that is right", () => {
    const text = "fn a(x) = x\nfn b(x) { let y 3\n let z 4\n x }\nfn c( = 3\nfn d(x) = [1\nfn e(x) = x\n";
    assert.equal(
      diagnose(text).map(({ labels: [label] }) => text.slice(0, label?.span.start).split("\n").length),
      [2, 3, 5, 6],
    );
  });
});

suite("grammar: hostile files", ({ test }) => {
  const limit = 2000;
  test("a file of 10 MB is refused at once", () => {
    assert.equal(ids("x".repeat(1e7)), ["too-large"]);
    assert.ok(duration("fn f(x) = x\n".repeat(1e6)) < 200);
  });

  test("binary files are refused", () => {
    assert.equal(ids("\0\u0001\u0002"), ["not-text"]);
    assert.equal(ids(Buffer.from([0xff, 0xfe, 0x80]).toString("utf8")), ["not-text"]);
  });

  const nested: Record<string, (n: number) => string> = {
    parentheses: (n) => `${"(".repeat(n)}x${")".repeat(n)}`,
    "parentheses that stay open": (n) => "(".repeat(n),
    lists: (n) => `${"[".repeat(n)}${"]".repeat(n)}`,
    calls: (n) => `${"f(".repeat(n)}x${")".repeat(n)}`,
    records: (n) => `${"{ a: ".repeat(n)}x${" }".repeat(n)}`,
    signs: (n) => `${"-".repeat(n)}x`,
    negations: (n) => `${"not ".repeat(n)}x`,
    powers: (n) => `${"x^".repeat(n)}x`,
    sums: (n) => `${"x + ".repeat(n)}x`,
    fields: (n) => `x${".x".repeat(n)}`,
    choices: (n) => `${"x where x else ".repeat(n)}x`,
    loops: (n) => `${"repeat 1 from ".repeat(n)}x`,
    sweeps: (n) => `${"feedback x through x along x {} then ".repeat(n / 2)}x`,
    blocks: (n) => `1\narch a for "x" ${'{ blocks l: 1 at "x" '.repeat(n)}${"}".repeat(n)}`,
  };
  for (const [name, make] of Object.entries(nested)) {
    test(`10,000 ${name} inside each other are refused, 40 are not`, () => {
      assert.equal(ids(`fn f(x) = ${make(10_000)}`), ["too-deep"]);
      assert.ok(!ids(`fn f(x) = ${make(40)}`).includes("too-deep"));
    });
  }

  test("the largest files are read or refused in time", () => {
    for (const piece of [
      "fn f(x) = f(x, over (a, b))\n",
      ")",
      "(x\n",
      "*",
      "{\n",
      "fn ",
      '"',
      "é",
      "'",
      "/*",
      "1.",
      "let a = f(x\n",
      "stage x\n",
    ]) {
      const text = piece.repeat(Math.floor(2 ** 18 / piece.length));
      const taken = duration(text);
      assert.ok(taken < limit, `${JSON.stringify(piece)}: ${taken} ms`);
    }
  });
});

suite("grammar: its own invariants", ({ test }) => {
  test("chevrotain finds no ambiguity that the productions do not resolve themselves", () => {
    assert.not.throws(() => new Parser(false));
  });

  test("the editor grammar knows every keyword and sign", () => {
    const grammar = JSON.parse(readFileSync(`${root}grammar/lcomp.tmLanguage.json`, "utf8"));
    const patterns = Object.values(grammar.repository as Record<string, { patterns: { match?: string }[] }>)
      .flatMap(({ patterns }) => patterns)
      .flatMap(({ match }) => (match ? [new RegExp(match)] : []));
    const isKnown = (text: string): boolean => patterns.some((pattern) => pattern.exec(text)?.[0] === text);
    for (const word of Object.keys(K)) assert.ok(isKnown(word), `\`${word}\` is missing from lcomp.tmLanguage.json`);
    for (const { PATTERN } of vocabulary)
      if (typeof PATTERN === "string" && !"()[]{},.:".includes(PATTERN))
        assert.ok(isKnown(PATTERN), `\`${PATTERN}\` is missing from lcomp.tmLanguage.json`);
    assert.not(isKnown("lowest"));
    assert.ok(isKnown("512 MiB") && isKnown("2:4") && isKnown("50%") && isKnown("1e-7"));
    assert.ok(T.Name.PATTERN);
  });
});
