/** Commands over files, folders and stdin, and what a machine without an optional package says. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Report } from "../runtime/cli/doctor.ts";
import { showReport } from "../runtime/cli/doctor.ts";
import { suite } from "./harness.ts";
import { inFolder } from "./io/folder.ts";
import { writeFiles } from "./run-recipe.ts";
import { root } from "./sources.ts";

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

function lcomp(folder: string, args: readonly string[], input = "", main = join(root, "runtime/cli/main.ts")) {
  const env = { ...process.env, NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    ...{ cwd: folder, env, input, encoding: "utf8" as const },
  });
  return { status, stdout, stderr };
}

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
      assert.equal([status, stdout], [1, "tidy/a.lcomp: no problems\n".replace("\\\n", "\n")]);
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

suite("doctor", ({ test }) => {
  test(
    "without the optional package of SwiftShader it says what to install",
    inFolder(async (folder) => {
      for (const name of ["grammar", "compiler", "runtime", "stdlib", "package.json"])
        cpSync(join(root, name), join(folder, name), { recursive: true });
      mkdirSync(join(folder, "node_modules"));
      for (const name of readdirSync(join(root, "node_modules")).filter((name) => name !== "@sparticuz"))
        symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
      const main = join(folder, "runtime/cli/main.ts");
      const { stdout, stderr } = lcomp(folder, ["doctor", "--json"], "", main);
      assert.not.match(stderr, /bug in lcomp/);
      const { adapters, missing } = JSON.parse(stdout) as Report;
      assert.ok(adapters.every(({ kind }) => kind !== "swiftshader"));
      const isLinux = process.platform === "linux" && !adapters.some(({ kind }) => kind === "gpu");
      assert.is(
        missing.some(({ remedy }) => remedy.startsWith("npm install @sparticuz/chromium")),
        isLinux,
      );
    }),
  );

  test("its report fits 80 columns, and 40", () => {
    const { stdout } = lcomp(root, ["doctor", "--json"]);
    const report = JSON.parse(stdout) as Report;
    for (const width of [80, 40])
      for (const line of showReport(report, width).split("\n"))
        assert.ok(line.length <= width || !line.trim().includes(" "), line);
  });
});
