/** What the library has is listed, and shown with what it takes and where it is from. */
import * as assert from "uvu/assert";
import { showDoc } from "../../runtime/cli/doc.ts";
import { documented } from "../../runtime/cli/library.ts";
import { showList, wholeLibrary } from "../../runtime/cli/list.ts";
import { suite } from "../harness/suite.ts";
import { root } from "../repository/sources.ts";
import { lcomp } from "./lcomp.ts";

const library = wholeLibrary();

/** A paper by its year, a file of a repository. */
const source = /\b(19|20)\d\d\b|[\w-]+\/[\w.-]+, [\w/.-]+/;

suite("cli: the library", ({ test }) => {
  for (const { module, kind, name, doc, about, header } of library) {
    test(`${module}: ${name} says what it is, what it takes, and where it is from`, () => {
      assert.match(doc, /\.$|\d$|[a-z]$/m, "no documentation");
      if (kind === "fn" || kind === "recipe") return assert.match(header, new RegExp(`^(fn|recipe) ${name}\\(`));
      assert.match(`${doc}\n${about}`, source, "no citation");
      assert.match(header, kind === "arch" ? /^ {4}linear \w+: \S/m : /(on block|on \w+\(|of f32\[)/, "no shapes");
    });
  }

  test("every declaration is in one of the lists", () => {
    const listed = JSON.parse(lcomp(root, ["list", "--json"]).stdout);
    const functions = JSON.parse(lcomp(root, ["list", "functions", "--json"]).stdout);
    assert.is(listed.length + functions.length, library.length);
    assert.match(lcomp(root, ["list"]).stdout, new RegExp(`lists ${functions.length} more\n$`));
    const { stdout } = lcomp(root, ["list", "std/prune"]);
    assert.match(stdout, /^methods of std\/prune\n[\s\S]* {2}wanda +Wanda: drop .* row by row\.\n/m);
    assert.not.match(stdout, /gptq/);
  });

  test("a line is no wider than the screen", () => {
    const lines = showList(library, 80).split("\n");
    assert.equal(
      lines.filter((line) => line.length > 80),
      [],
    );
  });

  test("one is shown by its name, with its module, or of a file of one's own", () => {
    const { status, stdout } = lcomp(root, ["doc", "wanda"]);
    assert.is(status, 0);
    assert.match(stdout, /^method wanda\(sparsity: Sparsity = 50%\)\n/);
    assert.match(stdout, /^import \{ wanda \} from "std\/prune\/wanda"$/m);
    assert.is(lcomp(root, ["doc", "std/prune/wanda"]).stdout, stdout);
    assert.match(lcomp(root, ["doc", "examples/first.lcomp"]).stdout, /^recipe first\(\n {2}model: Model,/);
  });

  test("a name that there is not gets the nearest", () => {
    const said = (...args: readonly string[]) => {
      const { status, stderr } = lcomp(root, args);
      return [status, stderr];
    };
    assert.equal(said("list", "prun"), [2, "lcomp: the library has no prun; did you mean prune?\n"]);
    assert.equal(said("doc", "wnada"), [2, "lcomp: the library has no wnada; did you mean wanda?\n"]);
    const near = "std/prune/wandas; did you mean std/prune/wanda?";
    assert.equal(said("doc", "std/prune/wandas"), [2, `lcomp: the library has no ${near}\n`]);
    const absent = "lcomp: cannot read absent.lcomp: there is no such file or folder\n";
    assert.equal(said("doc", "absent.lcomp"), [1, absent]);
  });

  test("a shell completes commands, flags, and those of the recipe at hand", () => {
    const completed = (...typed: readonly string[]): readonly string[] => {
      const { stdout, stderr } = lcomp(root, ["--get-yargs-completions", "lcomp", ...typed]);
      assert.is(stderr, "");
      return stdout.split("\n");
    };
    assert.ok(completed("pl").includes("plan"));
    assert.ok(completed("plan", "examples/first.lcomp", "--sp").includes("--sparsity"));
    assert.equal(completed("plan", "absent.lcomp", "--sp"), [""]);
    assert.match(lcomp(root, ["completion"]).stdout, /complete .* lcomp$/m);
  });

  test("what is shown of a declaration is its source", () => {
    const text =
      "fn twice(x) = x + x\n\n/// Of a paper, 2020.\nformat Half() of f32[out, in] {\n  value: f16[out, in]\n\n  decode = value\n}\n";
    const host = { read: () => ({ path: "a.lcomp", text }), library: [] };
    const [twice, half] = documented({ host, module: "a.lcomp", shown: (span) => span }) ?? [];
    assert.is(twice && showDoc(twice, 80), "fn twice(x)\n");
    assert.is(half && showDoc(half, 80), `${text.slice(text.indexOf("format"))}\nOf a paper, 2020.\n`);
  });
});
