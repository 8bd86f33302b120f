import * as assert from "uvu/assert";
import { threefry } from "../../compiler/plan/threefry.ts";
import { hashTokens } from "../../runtime/io/hash.ts";
import { firstNonFinite, toFloat32 } from "../../runtime/io/numbers.ts";
import { randomBelow } from "../../runtime/io/random.ts";
import { type Suite, suite } from "../harness/suite.ts";
import { toStored } from "./tensors.ts";

const everyWord = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
const everyWordBytes = new Uint8Array(everyWord.buffer);

/** The value of f16 bits by the definition of the format. */
function halfByDefinition(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function convert({ test }: Suite): void {
  test("all 65536 f16 values become exact f32", () => {
    const values = toFloat32(everyWordBytes, "F16");
    for (let bits = 0; bits < 0x10000; bits++) {
      if (!Object.is(values[bits], halfByDefinition(bits))) assert.unreachable(`f16 bits ${bits} gave ${values[bits]}`);
    }
  });

  test("all 65536 bf16 values become exact f32", () => {
    const values = toFloat32(everyWordBytes, "BF16");
    const bits = new Uint32Array(values.buffer);
    for (let word = 0; word < 0x10000; word++)
      if (bits[word] !== word * 0x10000) assert.unreachable(`bf16 bits ${word}`);
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
        assert.is(firstNonFinite(toStored(Float32Array.of(0, -65504, bad, bad), dtype), dtype), 2);
      }
      assert.is(firstNonFinite(toStored(Float32Array.of(0, -0, 65504, -1e-8), dtype), dtype), -1);
    }
  });

  test("it is found wherever it stands, and nothing else is taken for it", () => {
    const sizes = [1, 2, 3, 4095, 4097, 8191, 8193, 20_001];
    for (const dtype of ["F32", "F16", "BF16"] as const)
      for (const size of sizes)
        for (const at of [0, size >> 1, size - 2, size - 1].filter((at) => at >= 0)) {
          const values = new Float32Array(size).map((_, i) => (i % 3 === 0 ? -65504 : 65504));
          assert.is(firstNonFinite(toStored(values, dtype), dtype), -1);
          values[at] = at % 2 === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
          const shifted = new Uint8Array(toStored(values, dtype).byteLength + 2);
          shifted.set(toStored(values, dtype), 2);
          assert.is(firstNonFinite(shifted.subarray(2), dtype), at);
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

  test("the hash of tokens is sha256 of their bytes, also of a part of a buffer", () => {
    const abcd = Int32Array.of(0, 0x64636261).subarray(1);
    assert.is(hashTokens(abcd), "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589");
  });
}

suite("io: numbers", (t) => {
  convert(t);
  findAndDraw(t);
});
