import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { withFile } from "../../runtime/io/file.ts";
import { type GgufHeader, readGgufHeader, type Source, sourceOf, type Value } from "../../runtime/io/gguf/header.ts";
import { randomBelow } from "../../runtime/io/random.ts";
import { UserError } from "../../runtime/user-error.ts";
import { type Suite, suite } from "../harness/suite.ts";
import { inFolder, refused } from "./folder.ts";
import { type Field, type File, ggufBytes, type Listed, writeGguf } from "./gguf.ts";

/** The header of a file in memory. */
function headerOf(bytes: Uint8Array): GgufHeader {
  const read: Source["read"] = (position, length) => bytes.slice(position, position + length);
  return readGgufHeader({ path: "x.gguf", size: bytes.byteLength, read });
}

const numbers = (count: number): Uint8Array => new Uint8Array(Float32Array.from({ length: count }, (_, i) => i).buffer);
const small: Listed = { name: "a.weight", sizes: [3, 2], data: numbers(6) };

/** One value of each kind, with what is read of it. */
const values: readonly (readonly [field: Field, read: Value])[] = [
  [["u8", 255], 255],
  [["i8", -1], -1],
  [["u16", 65535], 65535],
  [["i16", -2], -2],
  [["u32", 2 ** 32 - 1], 2 ** 32 - 1],
  [["i32", -3], -3],
  [["f32", 0.5], 0.5],
  [["bool", 1], true],
  [["bool", 0], false],
  [["text", "▁é"], "▁é"],
  [["u64", 2 ** 40], 2 ** 40],
  [["u64", 2n ** 63n], 2n ** 63n],
  [["i64", -(2 ** 40)], -(2 ** 40)],
  [["f64", 1 / 3], 1 / 3],
  [
    ["list", "text", ["a", "", "\ufffd"]],
    ["a", "", "\ufffd"],
  ],
  [["list", "u8", [1, 2, 3]], Uint8Array.of(1, 2, 3)],
  [["list", "i32", [-1, 2]], Int32Array.of(-1, 2)],
  [["list", "f32", []], Float32Array.of()],
  [["list", "bool", [1, 0]], Uint8Array.of(1, 0)],
  [["list", "u64", [1, 2 ** 40]], BigUint64Array.of(1n, 2n ** 40n)],
];

/** Files that must be refused, with what the message must say. */
const hostile: readonly (readonly [what: string, file: File, message: RegExp])[] = [
  ["version 1", { version: 1 }, /is GGUF of version 1; lcomp reads 2 and 3/],
  ["version 4", { version: 4 }, /is GGUF of version 4/],
  ["another order of bytes", { version: 3 << 24 }, /is big-endian; write it again as little-endian/],
  ["a key twice", { fields: [["k", ["u8", 1]] as const, ["k", ["u8", 2]] as const] }, /it has the key k twice/],
  ["a bool of 2", { fields: { k: ["bool", 2] } }, /k is 2, neither true nor false/],
  ["bools of 2", { fields: { k: ["list", "bool", [1, 2]] } }, /element 1 of k is neither true nor false/],
  [
    "an alignment of 48",
    { fields: { "general.alignment": ["u32", 48] } },
    /general.alignment is 48, and must be a power/,
  ],
  ["an alignment of 0", { fields: { "general.alignment": ["u32", 0] } }, /general.alignment is 0/],
  ["an alignment that is a text", { fields: { "general.alignment": ["text", "32"] } }, /general.alignment is 32/],
  ["a tensor twice", { tensors: [small, small] }, /it has tensor a.weight twice/],
  ["no dimensions", { tensors: [{ ...small, sizes: [] }] }, /tensor a.weight has 0 dimensions; GGUF has 1 to 4/],
  ["five dimensions", { tensors: [{ ...small, sizes: [1, 1, 1, 3, 2] }] }, /has 5 dimensions/],
  ["a size of 0", { tensors: [{ ...small, sizes: [0, 2] }] }, /of 0 × 2 weights cannot lie in \d+ bytes/],
  ["sizes that overflow", { tensors: [{ ...small, sizes: [2n ** 63n, 2n ** 63n] }] }, /cannot lie in/],
  [
    "an unknown type",
    { tensors: [{ ...small, type: 77 }] },
    /tensor a.weight has the type 77, which lcomp does not know/,
  ],
  ["a removed type", { tensors: [{ ...small, type: 4 }] }, /has the type 4/],
  [
    "rows of half a block",
    { tensors: [{ ...small, type: 2 }] },
    /have 3 weights, which blocks of 32 \(Q4_0\) do not divide/,
  ],
  ["a gap", { tensors: [{ ...small, place: 32 }] }, /tensor a.weight lies at 32, and 0 follows from those before it/],
  ["a place beyond counting", { tensors: [{ ...small, place: 2n ** 64n - 1n }] }, /lies at 18446744073709551615/],
  ["an overlap", { tensors: [small, { ...small, name: "b", place: 0 }] }, /tensor b lies at 0, and 32 follows/],
  ["fewer bytes than sizes", { tensors: [{ ...small, sizes: [3, 4] }] }, /is cut off: tensor a.weight ends at byte/],
  [
    "more bytes than sizes",
    { tensors: [{ ...small, sizes: [1], data: numbers(20) }] },
    /64 bytes at its end belong to no tensor/,
  ],
  [
    "a name that would break a line",
    { tensors: [{ ...small, name: "a\nb", type: 77 }] },
    /tensor "a\\nb" has the type 77/,
  ],
];

function readHeaders({ test }: Suite): void {
  test("values of all kinds are read, in versions 2 and 3", () => {
    const fields = Object.fromEntries(values.map(([field], i) => [`k${i}`, field]));
    for (const version of [2, 3]) {
      const { metadata } = headerOf(ggufBytes({ version, fields }));
      assert.equal(
        [...metadata.values()],
        values.map(([, read]) => read),
      );
    }
  });

  test("tensors lie where the alignment puts them, their shapes turned round; padding at the end may be missing", () => {
    for (const alignment of [8, 32, 64]) {
      const fields: File["fields"] = { "general.alignment": ["u32", alignment] };
      const bytes = ggufBytes({ alignment, fields, tensors: [small, { ...small, name: "b" }] });
      const cut = bytes.subarray(0, bytes.byteLength - ((alignment - (24 % alignment)) % alignment));
      for (const whole of [bytes, cut]) {
        const { tensors } = headerOf(whole);
        assert.equal(
          tensors.map(({ shape }) => shape),
          [
            [2, 3],
            [2, 3],
          ],
        );
        for (const { offset, bytes: size } of tensors) {
          assert.is(offset % alignment, 0);
          assert.equal(whole.subarray(offset, offset + size), Buffer.from(numbers(6)));
        }
      }
    }
  });

  for (const [what, file, message] of hostile)
    test(`${what} is refused`, () => refused(() => headerOf(ggufBytes(file)), message));

  test(
    "a damaged beginning is refused with what is wrong",
    inFolder(async (folder) => {
      const path = join(folder, "x.gguf");
      const given = (bytes: string | Uint8Array, message: RegExp): Promise<void> => {
        writeFileSync(path, bytes);
        return refused(() => withFile(path, async (file) => readGgufHeader(sourceOf(file))), message);
      };
      const bytes = ggufBytes({ fields: { k: ["text", "value"] }, tensors: [small] });
      const changed = (at: number, ...to: readonly number[]): Buffer => {
        const copy = Buffer.from(bytes);
        copy.set(to, at);
        return copy;
      };
      await given("", /is no GGUF file: it has only 0 bytes/);
      await given(changed(0, 0x67), /is no GGUF file: it begins with "gGUF"/);
      await given("version https://git-lfs.github.com/spec/v1\n", /Git LFS pointer.*git lfs pull/);
      await given(changed(15, 0x80), /the number of tensors is 9223372036854775809, more than \d+ bytes can hold/);
      await given(changed(16, 255, 255), /the number of metadata fields is 65535, more than/);
      await given(changed(24, 255, 255), /the length of the key of metadata field 0 is 65535, more than/);
      await given(changed(33, 77), /k has the type 77, which GGUF has not/);
      await given(changed(45, 0xff), /k in .* is not UTF-8 text/);
      await given(bytes.subarray(0, 40), /damaged: .* at byte \d+ takes \d+ bytes, and \d+ are left/);
      await given(bytes.subarray(0, bytes.byteLength - 12), /cut off: tensor a.weight ends at byte/);
    }),
  );

  test(
    "a header longer than what is read at once is read whole, one without end is refused",
    inFolder(async (folder) => {
      const long = "x".repeat(2 ** 20 - 100);
      const path = writeGguf(folder, {
        fields: { a: ["text", long], b: ["list", "text", ["é", long, "z"]], c: ["f32", 2] },
      });
      const read = () => withFile(path, async (file) => readGgufHeader(sourceOf(file)));
      const { metadata } = await read();
      assert.equal([metadata.get("a"), metadata.get("b"), metadata.get("c")], [long, ["é", long, "z"], 2]);
      writeFileSync(path, ggufBytes({ fields: { a: ["list", "u8", []], b: ["u8", 0] } }));
      const bytes = ggufBytes({ fields: { a: ["list", "u8", []], b: ["u8", 0] } });
      bytes.writeBigUInt64LE(2n ** 29n, 41);
      writeFileSync(path, bytes);
      truncateSync(path, 2 ** 30);
      await refused(read, /its header goes on beyond 268435456 bytes, with a/);
    }),
  );
}

/** The bytes that a value takes in memory, at least. */
function sizeOf(value: Value): number {
  if (typeof value === "string") return value.length;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  return typeof value === "object" ? value.reduce((sum, text) => sum + text.length, 0) : 0;
}

const mutants = 100_000;
const extremes = [0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

/** A file with one thing changed: a byte, a bit, a number, its end, or some bytes that are missing. */
function mutant(bytes: Buffer, pick: (below: number) => number): Buffer {
  const at = pick(bytes.byteLength);
  const copy = Buffer.from(bytes);
  switch (pick(5)) {
    case 0:
      copy[at] = pick(256);
      return copy;
    case 1:
      copy[at] = (copy[at] ?? 0) ^ (1 << pick(8));
      return copy;
    case 2:
      copy.writeBigUInt64LE(extremes[pick(extremes.length)] ?? 0n, Math.min(at, copy.byteLength - 8));
      return copy;
    case 3:
      return copy.subarray(0, at);
    default:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(Math.min(at + pick(16), copy.byteLength))]);
  }
}

/** Whether a file is refused; what is read of it must lie in it and take no more room. */
function isRefused(bytes: Buffer): boolean {
  try {
    const { metadata, tensors } = headerOf(bytes);
    const held = [...metadata.values()].reduce((sum: number, value) => sum + sizeOf(value), 0);
    assert.ok(held <= bytes.byteLength, `${held} of ${bytes.byteLength} bytes are held`);
    for (const { offset, bytes: size } of tensors) assert.ok(offset + size <= bytes.byteLength);
    return false;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assert.not.match(error.message, /\n/);
    return true;
  }
}

function readMutants({ test }: Suite): void {
  test(`${mutants} damaged headers are read or refused in one sentence, and never hold more than the file`, () => {
    const fields = Object.fromEntries(values.map(([field], i) => [`k${i}`, field]));
    const files = [
      ggufBytes({ fields, tensors: [small, { ...small, name: "b" }] }),
      ggufBytes({ fields: { t: ["list", "text", ["one", "two", "three"]] }, tensors: [{ ...small, sizes: [6] }] }),
      ggufBytes({ tensors: [{ name: "q", sizes: [32, 2], type: 2, data: new Uint8Array(36) }] }),
    ];
    let draws = 0;
    const pick = (below: number): number => randomBelow(below, 8, draws++);
    let refusals = 0;
    for (let i = 0; i < mutants; i++) {
      let bytes = files[i % files.length] ?? Buffer.alloc(0);
      for (let times = 1 + pick(3); times > 0 && bytes.byteLength > 16; times--) bytes = mutant(bytes, pick);
      if (isRefused(bytes)) refusals += 1;
    }
    assert.ok(refusals > mutants / 2, `${refusals} were refused`);
  });
}

suite("GGUF headers", (t) => {
  readHeaders(t);
  readMutants(t);
});
