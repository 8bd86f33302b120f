/** Recipes that are no recipes, and thousands of random edits of good ones. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as assert from "uvu/assert";
import { attempt, refusedWith } from "../cli/hostile.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { seed } from "../ops/random.ts";

const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 193 + (i >> 3)) & 0xff);
const tenMegabytes = 10_000_000;

const files: readonly (readonly [name: string, content: string | Uint8Array, message: RegExp])[] = [
  ["empty", "", /^problem: mine\.lcomp declares no recipe \[no-recipe\]\n *--> mine\.lcomp:1:1\n/],
  ["binary", bytes(5000), /^problem: the file is not text \[not-text\]\n *--> mine\.lcomp:1:1\n/],
  [
    "of 10 MB",
    "let x = 1\n".repeat(tenMegabytes / 10),
    /^problem: a file of more than 256 KB is no recipe \[too-large\]/,
  ],
  ["of 10 MB of brackets", "(".repeat(tenMegabytes), /^problem: a file of more than 256 KB is no recipe \[too-large\]/],
  ["of 10 MB of zeros", new Uint8Array(tenMegabytes), /^problem: .*\[(too-large|not-text)\]/],
  [
    "nested 50,000 deep",
    `fn f(x) = ${"(".repeat(50_000)}x${")".repeat(50_000)}`,
    /^problem: this is nested too deeply/,
  ],
  ["a sum of 20,000 terms", `fn f(x) = ${"x + ".repeat(20_000)}x`, /^problem: this is nested too deeply/],
];

interface Line {
  readonly number: number;
  readonly seconds: number;
  readonly result: string;
}

/** Runs the child on some numbers; a mutant that takes too long ends it. */
function mutants(first: number, count: number): Promise<readonly Line[]> {
  const args = [join(import.meta.dirname, "recipe-mutants.ts"), seed, first, count].map(String);
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines: Line[] = [];
  let timer: NodeJS.Timeout;
  // The limit is for CPU time, which the child counts; this one is for what never ends on a busy machine.
  const wind = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
  };
  wind();
  createInterface(child.stdout).on("line", (line) => {
    lines.push(JSON.parse(line) as Line);
    wind();
  });
  return new Promise((resolve, reject) => {
    child.on("close", (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(lines);
      else reject(new Error(`seed ${seed}: the child ended with ${code} at number ${first + lines.length}`));
    });
  });
}

suite("hostile: recipes", ({ test }) => {
  for (const [name, content, message] of files) {
    test(
      `${name}: refused at once, at its place`,
      inFolder(async (folder) => {
        writeFileSync(join(folder, "mine.lcomp"), content);
        refusedWith(attempt(folder, "run", "mine.lcomp", "--out", "out"), 1, message, ["mine.lcomp"]);
      }),
    );
  }

  const count = Number(process.env["LCOMP_RUNS"] ?? 1000);
  test(`${count} random edits: a plan, or messages with places, within 2 s each (seed ${seed})`, async () => {
    const found = await mutants(0, count);
    assert.is(found.length, count);
    const bad = found.filter(({ seconds, result }) => seconds > 2 || !/^(refused|plan) /.test(result));
    assert.equal(bad, []);
    const plans = found.filter(({ result }) => result.startsWith("plan"));
    assert.ok(plans.length >= count / 100, `only ${plans.length} of ${count} were valid`);
  });
});
