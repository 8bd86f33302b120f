/** Runs the command line on what it must refuse, and says what a refusal looks like. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import * as assert from "uvu/assert";
import { root } from "./sources.ts";

/** What a command left behind. */
export interface Attempt {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly files: readonly string[];
}

/** What users start. */
export const launcher = join(root, "runtime/cli/launch.mjs");

/** `lcomp` with these arguments in a folder. */
export function attempt(folder: string, ...args: readonly string[]): Attempt {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], {
    cwd: folder,
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status, stdout, stderr: stripVTControlCharacters(stderr), files: readdirSync(folder) };
}

/** One problem, one sentence or one shown place, nothing of the machinery, and nothing left. */
export function refusedWith(
  { status, stdout, stderr, files }: Attempt,
  expected: number,
  message: RegExp,
  left: readonly string[],
): void {
  assert.match(stderr, message);
  assert.is(status, expected, stderr);
  assert.is(stdout, "");
  assert.not.match(stderr, /^\s+at .*:\d+:\d+/m, "a stack trace reached the user");
  assert.not.match(stderr, /bug in lcomp|undefined|NaN is|\[object/, "the message shows its machinery");
  const sentences = stderr.split("\n").filter((line) => /^(lcomp|problem): /.test(line));
  assert.ok(sentences.length >= 1 && sentences.length <= 3, stderr);
  if (stderr.startsWith("lcomp: ")) assert.is(stderr.trimEnd().split("\n").length, 1, stderr);
  assert.equal(files, left);
}
