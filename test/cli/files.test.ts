/** Commands over files, folders and stdin. */
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { writeFiles } from "../run/recipe.ts";
import { type Ended, main, lcomp as started } from "./lcomp.ts";

const right = "fn half(x: f32[a]) = x / 2\n";
const wrong = "fn half(x: f32[a]) = y / z\n";
const untidy = "fn   half(x: f32[a]) = x/2\n";

const files = {
  "recipes/b.lcomp": wrong,
  "recipes/a.lcomp": right,
  "recipes/deep/c.lcomp": "fn half(x: f32[a]) = (x\n",
  "recipes/node_modules/other/d.lcomp": wrong,
  "recipes/.hidden/e.lcomp": wrong,
  "recipes/notes.txt": "none",
  "tidy/a.lcomp": right,
  "tidy/b.lcomp": right,
  "untidy/a.lcomp": untidy,
};

const inFiles = (body: (folder: string) => void) =>
  inFolder(async (folder) => {
    writeFiles(folder, files);
    mkdirSync(join(folder, "empty"));
    mkdirSync(join(folder, "tidy/folder.lcomp"));
    symlinkSync("..", join(folder, "tidy/up"));
    body(folder);
  });

const lcomp = (folder: string, args: readonly string[], input = ""): Ended =>
  started(folder, args, { input, entry: main });

/** The places of the problems, in order. */
const places = (stderr: string): readonly string[] =>
  Array.from(stderr.matchAll(/--> (\S+)/g), ([, place = ""]) => place);

suite("check", ({ test }) => {
  test(
    "a folder stands for the .lcomp files below it, without packages and hidden folders; all problems are said, and counted",
    inFiles((folder) => {
      const { status, stdout, stderr } = lcomp(folder, [
        "check",
        "tidy/a.lcomp",
        "recipes",
        "absent.lcomp",
        "recipes/b.lcomp",
      ]);
      assert.equal([status, stdout], [1, "tidy/a.lcomp: no problems\n"]);
      assert.equal(places(stderr), ["recipes/b.lcomp:1:22", "recipes/b.lcomp:1:26", "recipes/deep/c.lcomp:1:22"]);
      assert.match(stderr, /^lcomp: cannot read absent.lcomp: there is no such file or folder\nproblem: /);
      assert.match(
        stderr,
        /\nlcomp explain says more of unknown-name, unclosed-bracket\n4 problems in 3 of 5 files\n$/,
      );
    }),
  );

  test(
    "what is right is said once for a folder; a folder without recipes is a mistake",
    inFiles((folder) => {
      assert.equal(lcomp(folder, ["check", "tidy"]), { status: 0, stdout: "2 files, no problems\n", stderr: "" });
      symlinkSync("nowhere", join(folder, "tidy/c.lcomp"));
      const { status, stderr } = lcomp(folder, ["check", "tidy"]);
      const absent = "lcomp: cannot read tidy/c.lcomp: there is no such file or folder\n";
      assert.equal([status, stderr], [1, `${absent}1 problem in 1 of 3 files\n`]);
      writeFiles(folder, { "std/a.lcomp": right });
      assert.is(lcomp(folder, ["check", "std/a.lcomp"]).stdout, "std/a.lcomp: no problems\n");
      const none = lcomp(folder, ["fmt", "std/absent"]);
      assert.equal([none.status, none.stderr], [1, "lcomp: there is no std/absent in the library\n"]);
      const empty = lcomp(folder, ["check", "empty"]);
      assert.equal(empty, { status: 1, stdout: "", stderr: "lcomp: there is no .lcomp file in empty\n" });
    }),
  );

  test(
    "- is what comes on stdin, whose imports are those of this folder",
    inFiles((folder) => {
      const importing = 'import { half } from "./tidy/a.lcomp"\nfn quarter(x: f32[a]) = half(half(x))\n';
      assert.equal(lcomp(folder, ["check", "-"], importing), { status: 0, stdout: "stdin: no problems\n", stderr: "" });
      const { status, stderr } = lcomp(folder, ["check", "-"], wrong);
      assert.equal([status, places(stderr)], [1, ["stdin:1:22", "stdin:1:26"]]);
    }),
  );
});

suite("fmt", ({ test }) => {
  test(
    "folders are brought into form, and what cannot be read as a program stops no other file",
    inFiles((folder) => {
      const check = lcomp(folder, ["fmt", "--check", "untidy", "tidy"]);
      assert.equal([check.status, check.stdout], [1, "untidy/a.lcomp\n"]);
      assert.is(readFileSync(join(folder, "untidy/a.lcomp"), "utf8"), untidy);
      const all = lcomp(folder, ["fmt", "recipes", "untidy"]);
      assert.equal(
        [all.status, all.stdout, places(all.stderr)],
        [1, "untidy/a.lcomp\n", ["recipes/deep/c.lcomp:1:22"]],
      );
      assert.is(readFileSync(join(folder, "untidy/a.lcomp"), "utf8"), right);
    }),
  );

  test(
    "- goes from stdin to stdout; where it is wrong, nothing does",
    inFiles((folder) => {
      assert.equal(lcomp(folder, ["fmt", "-"], untidy), { status: 0, stdout: right, stderr: "" });
      assert.equal(lcomp(folder, ["fmt", "-"], right), { status: 0, stdout: right, stderr: "" });
      const broken = lcomp(folder, ["fmt", "-"], "fn half(");
      assert.equal([broken.status, broken.stdout], [1, ""]);
      assert.equal(lcomp(folder, ["fmt", "--check", "-"], untidy).stdout, "stdin\n");
    }),
  );
});
