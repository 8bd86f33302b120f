/** Rotary positions: which numbers of a head are a pair, and which stay. */
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { run } from "../language/run.ts";

/** A quarter turn of the first pair and half a turn of the second, of 1, 2, … 6; `how` says more. */
function turned(how: string): readonly number[] {
  const source = `import { rotated_pairs } from "std/rotary"
fn f(x: f32[token: 1, head: 6], angle: f32[token: 1, freq: 2]) = rotated_pairs(x, angle${how})`;
  const [, ...found] = run(source, { angle: [Math.PI / 2, Math.PI] }).split("] ");
  return found
    .join()
    .split(" ")
    .map((value) => Math.round(1e6 * Number(value)) / 1e6 + 0);
}

suite("rotary positions", ({ test }) => {
  test("pairs lie half of the turning part apart", () => assert.equal(turned(""), [-3, -2, 1, -4, 5, 6]));
  test("or beside each other", () => assert.equal(turned(", interleaved: true"), [-2, 1, -3, -4, 5, 6]));
  test("and are stretched, but for what stays", () => assert.equal(turned(", gain: 2"), [-6, -4, 2, -8, 5, 6]));
});
