import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { hashBytes, hashFile, hashTokens } from "../runtime/io/hash.ts";
import { firstNonFinite, fromFloat32, toFloat32 } from "../runtime/io/numbers.ts";
import { randomBelow, threefry } from "../runtime/io/random.ts";
import { type Suite, suite } from "./harness.ts";
import { inFolder } from "./io/folder.ts";

const everyWord = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
const everyWordBytes = new Uint8Array(everyWord.buffer);
const wordsOf = (bytes: Uint8Array) => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);

/** The value of f16 bits by the definition of the format. */
function halfByDefinition(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The f32 values at, just below and just above every midpoint of two neighbours of a narrow format, with what they round to. */
function* midpoints(toValue: (bits: number) => number, last: number): Generator<[value: number, expected: number]> {
  const next = new Float32Array(1);
  const nextBits = new Int32Array(next.buffer);
  for (let low = 0; low < last; low++) {
    const middle = (toValue(low) + toValue(low + 1)) / 2;
    yield [middle, low % 2 === 0 ? low : low + 1];
    for (const [step, expected] of [
      [-1, low],
      [1, low + 1],
    ] as const) {
      next[0] = middle;
      nextBits[0] = (nextBits[0] as number) + step;
      yield [next[0] as number, expected];
    }
  }
}

function checkRounding(dtype: "F16" | "BF16", toValue: (bits: number) => number, last: number): void {
  const cases = [...midpoints(toValue, last)];
  const given = Float32Array.from(cases, ([value]) => value);
  const rounded = wordsOf(fromFloat32(given, dtype));
  const mirrored = wordsOf(
    fromFloat32(
      given.map((value) => -value),
      dtype,
    ),
  );
  cases.forEach(([value, expected], i) => {
    if (rounded[i] !== expected || mirrored[i] !== (expected | 0x8000))
      assert.unreachable(`${value} as ${dtype}: ${rounded[i]}`);
  });
}

function convert({ test }: Suite): void {
  test("all 65536 f16 values become exact f32 and come back", () => {
    const values = toFloat32(everyWordBytes, "F16");
    for (let bits = 0; bits < 0x10000; bits++) {
      if (!Object.is(values[bits], halfByDefinition(bits))) assert.unreachable(`f16 bits ${bits} gave ${values[bits]}`);
    }
    const back = wordsOf(fromFloat32(values, "F16"));
    for (let bits = 0; bits < 0x10000; bits++) {
      const quiet = (bits & 0x7fff) > 0x7c00;
      if (back[bits] !== (quiet ? bits | 0x200 : bits))
        assert.unreachable(`f16 bits ${bits} came back as ${back[bits]}`);
    }
  });

  test("all 65536 bf16 values become exact f32 and come back", () => {
    const values = toFloat32(everyWordBytes, "BF16");
    const bits = new Uint32Array(values.buffer);
    const back = wordsOf(fromFloat32(values, "BF16"));
    for (let word = 0; word < 0x10000; word++) {
      const quiet = (word & 0x7fff) > 0x7f80;
      if (bits[word] !== word * 0x10000 || back[word] !== (quiet ? word | 0x40 : word))
        assert.unreachable(`bf16 bits ${word}`);
    }
  });

  test("f16 rounds to nearest, ties to even, at every midpoint and beside it", () => {
    checkRounding("F16", (bits) => (bits === 0x7c00 ? 65536 : halfByDefinition(bits)), 0x7c00);
  });

  test("bf16 rounds to nearest, ties to even, at every midpoint and beside it", () => {
    const value = (word: number) =>
      word === 0x7f80 ? 2 ** 128 : (toFloat32(new Uint8Array(Uint16Array.of(word).buffer), "BF16")[0] as number);
    checkRounding("BF16", value, 0x7f7f);
  });

  test("values outside of the range of f16 become infinity or zero", () => {
    const given = Float32Array.of(65519.996, 65520, 1e30, -1e30, 2 ** -25, 2 ** -25 * 1.001, 1e-30, -1e-45, Number.NaN);
    assert.equal(
      [...wordsOf(fromFloat32(given, "F16"))].map((bits) => bits.toString(16)),
      "7bff 7c00 7c00 fc00 0 1 0 8000 7e00".split(" "),
    );
  });

  test("bytes that do not begin at a multiple of the element are read too", () => {
    const shifted = new Uint8Array(9);
    shifted.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
    assert.equal(toFloat32(shifted.subarray(1), "F32"), Float32Array.of(1.5, -2));
    shifted.set(new Uint8Array(Uint16Array.of(0x3c00, 0xc000).buffer), 1);
    assert.equal(toFloat32(shifted.subarray(1, 5), "F16"), Float32Array.of(1, -2));
  });
}

function findAndDraw({ test }: Suite): void {
  test("the first NaN or infinity is found in each stored type", () => {
    for (const dtype of ["F32", "F16", "BF16"] as const) {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        assert.is(firstNonFinite(fromFloat32(Float32Array.of(0, -65504, bad, bad), dtype), dtype), 2);
      }
      assert.is(firstNonFinite(fromFloat32(Float32Array.of(0, -0, 65504, -1e-8), dtype), dtype), -1);
    }
  });

  test("threefry gives the vectors of Random123", () => {
    const hex = ([x, y]: [number, number]) => `${x.toString(16)} ${y.toString(16)}`;
    assert.is(hex(threefry([0, 0], [0, 0])), "6b200159 99ba4efe");
    assert.is(hex(threefry([0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff])), "1cb996fc bb002be7");
    assert.is(hex(threefry([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])), "c4923a9c 483df7a0");
  });

  test("random numbers fill their range evenly and depend on seed and index", () => {
    const draws = Array.from({ length: 7000 }, (_, i) => randomBelow(7, 1, i));
    for (let value = 0; value < 7; value++) {
      const count = draws.filter((draw) => draw === value).length;
      assert.ok(Math.abs(count - 1000) < 5 * Math.sqrt(1000 * (6 / 7)), `${value} came ${count} times`); // five sigma
    }
    assert.is(randomBelow(1, 5, 9), 0);
    const large = (seed: number, index: number) => randomBelow(2 ** 52, seed, index);
    const distinct = new Set([large(0, 0), large(1, 0), large(2 ** 32, 0), large(0, 1), large(0, 2 ** 32)]);
    assert.is(distinct.size, 5);
  });

  test(
    "hashes are sha256 of the content",
    inFolder(async (folder) => {
      const path = join(folder, "abc");
      writeFileSync(path, "abc");
      const known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
      assert.is(await hashFile(path), known);
      assert.is(hashBytes(new TextEncoder().encode("abc")), known);
      const rows = [Int32Array.of(1, 2), Int32Array.of(3)];
      assert.is(hashTokens(rows), hashBytes(new Uint8Array(Int32Array.of(1, 2, 3).buffer)));
    }),
  );
}

suite("io: numbers", (t) => {
  convert(t);
  findAndDraw(t);
});
