/**
 * A child process of cases-bounds.test.ts: recipes whose imports are drawn at random, over a folder of links, pipes, devices and
 * files of any size. One line on stdout for each, with what is said of it; whoever waits for a pipe never writes it.
 *
 *   node import-draws.ts FOLDER SEED COUNT
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../../compiler/check.ts";
import { render } from "../../grammar/render.ts";
import { entryFor } from "../../runtime/cli/host.ts";
import { randomBelow } from "../../runtime/io/random.ts";

const [folder = "", seed = 0, count = 1] = process.argv.slice(2).map((arg, i) => (i === 0 ? arg : Number(arg)));
const at = (...parts: readonly string[]): string => join(String(folder), ...parts);

/** What stands in files that no recipe may read, and must never be shown. */
const secret = "fn secret(x) = x * 4711";
const fine = "fn a(x) = x\n";

/** The recipe lies in `own`, beside all that may tempt it. */
function makeTree(): void {
  for (const name of ["own/below/more", "own/folder.lcomp", "outside"]) mkdirSync(at(name), { recursive: true });
  for (const name of ["own/mine.lcomp", "own/below/mine.lcomp", "own/below/more/mine.lcomp"])
    writeFileSync(at(name), fine);
  for (const name of ["outside/secret.lcomp", "outside/secret.txt", "own/secret.txt", "own/below/.env", "own/secret"])
    writeFileSync(at(name), `${secret}\n`);
  for (const name of ["own/huge.lcomp", "own/below/huge.lcomp"]) {
    writeFileSync(at(name), fine);
    truncateSync(at(name), 5_000_000_000);
  }
  spawnSync("mkfifo", [at("own/pipe.lcomp"), at("own/below/pipe.lcomp"), at("own/pipe")]);
  const links: readonly (readonly [string, string])[] = [
    ["own/zero.lcomp", "/dev/zero"],
    ["own/below/random.lcomp", "/dev/random"],
    ["own/kmsg.lcomp", "/proc/kmsg"],
    ["own/environ.lcomp", "/proc/self/environ"],
    ["own/terminal.lcomp", "/dev/tty"],
    ["own/out.lcomp", "../outside/secret.lcomp"],
    ["own/text.lcomp", "secret.txt"],
    ["own/circle.lcomp", "circle.lcomp"],
    ["own/nowhere.lcomp", "not-there.lcomp"],
    ["own/near.lcomp", "below/mine.lcomp"],
    ["own/up", "../outside"],
    ["own/below/up", ".."],
    ["own/root", "/"],
  ];
  for (const [name, to] of links) symlinkSync(to, at(name));
}

const starts = [
  "./",
  "./",
  "./",
  "../",
  "./below/",
  "./below/up/",
  "./up/",
  "./root/",
  "std/",
  "std/../",
  "/",
  "",
  "~/",
  "file://",
  "./root/proc/",
];
const steps = [
  "below/",
  "../",
  "./",
  "up/",
  "/",
  "more/",
  "../../../../../../",
  "own/",
  "outside/",
  "%2e%2e/",
  "..\\\\",
];
const ends = [
  ...[
    "mine",
    "huge",
    "pipe",
    "zero",
    "random",
    "kmsg",
    "environ",
    "terminal",
    "out",
    "text",
    "circle",
    "nowhere",
    "near",
  ],
  ...["secret", "folder", "prune/wanda", "self/environ", "etc/passwd", ".env", "", "a".repeat(300), "a\\u{0}b", "é"],
];
const endings = [
  ".lcomp",
  ".lcomp",
  ".lcomp",
  ".lcomp",
  ".lcomp",
  ".lcomp",
  "",
  ".txt",
  "/",
  ".LCOMP",
  ".lcomp/",
  ".lcomp\\u{0}",
];

/** What `lcomp check` says of a recipe that imports the path. */
function said(path: string): string {
  writeFileSync(at("own", "recipe.lcomp"), `import { a } from "${path}"\n\nfn f(x) = a(x)\n`);
  try {
    const { host, module } = entryFor(at("own", "recipe.lcomp"));
    return check(host, module)
      .problems.map((each) => render(each))
      .join("\n");
  } catch (error) {
    return String(error);
  }
}

makeTree();
for (let number = 0; number < Number(count); number++) {
  let drawn = 0;
  const one = (of: readonly string[]): string => of[randomBelow(of.length, Number(seed), 100 * number + drawn++)] ?? "";
  const middle = Array.from({ length: Math.max(0, randomBelow(6, Number(seed), 100 * number + 99) - 3) }, () =>
    one(steps),
  ).join("");
  const path = `${one(starts)}${middle}${one(ends)}${one(endings)}`;
  process.stdout.write(`${JSON.stringify({ path })}\n`);
  process.stdout.write(`${JSON.stringify({ path, said: said(path) })}\n`);
}
