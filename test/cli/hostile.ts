/** Runs the command line on what it must refuse, and says what a refusal looks like. */
import { readdirSync } from "node:fs";
import * as assert from "uvu/assert";
import { type Ended, lcomp } from "./lcomp.ts";

/** What a command left behind. */
export interface Attempt extends Ended {
  readonly files: readonly string[];
}

/** `lcomp` with these arguments in a folder. */
export const attempt = (folder: string, ...args: readonly string[]): Attempt => ({
  ...lcomp(folder, args),
  files: readdirSync(folder),
});

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
  assert.not.match(stderr, /bug in lcomp|undefined|NaN is|\[object/, "the message shows its machinery");
  const sentences = stderr.split("\n").filter((line) => /^(lcomp|problem): /.test(line));
  assert.ok(sentences.length >= 1 && sentences.length <= 3, stderr);
  if (stderr.startsWith("lcomp: ")) assert.is(stderr.trimEnd().split("\n").length, 1, stderr);
  assert.equal(files, left);
}
