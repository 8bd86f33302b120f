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

/** What is said where steps had ended: their store stays. */
const advice = /(?<=\n)what is done is kept in \S+\.out\.store; the same command goes on from there\n$/;

/** One problem, one sentence or one shown place, nothing of the machinery, and nothing left but what steps have made. */
export function refusedWith(
  { status, stdout, stderr: all, files }: Attempt,
  expected: number,
  message: RegExp,
  left: readonly string[],
): void {
  const stderr = all.replace(advice, "");
  assert.match(stderr, message);
  assert.is(status, expected, stderr);
  assert.is(stdout, "");
  assert.not.match(stderr, /bug in lcomp|undefined|NaN is|\[object/, "the message shows its machinery");
  const sentences = stderr.split("\n").filter((line) => /^(lcomp|problem): /.test(line));
  assert.ok(sentences.length >= 1 && sentences.length <= 3, stderr);
  if (stderr.startsWith("lcomp: ")) assert.is(stderr.trimEnd().split("\n").length, 1, stderr);
  assert.equal(files.toSorted(), [...(stderr === all ? [] : [".out.store"]), ...left].sort());
}
