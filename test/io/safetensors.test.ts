import { mkdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { byteSize, readHeader } from "../../runtime/io/safetensors.ts";
import { SafetensorsWriter } from "../../runtime/io/safetensors-writer.ts";
import { type Suite, suite } from "../harness/suite.ts";
import { broken, inFolder, refused, safetensorsBytes, writeSafetensors } from "./folder.ts";
import { readRange, readTensor } from "./tensors.ts";

const entry = (dtype: unknown, shape: unknown, from: unknown, to: unknown) => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

/** Headers that must be refused, over 16 bytes of tensors, with what the message must say. */
const hostile: readonly [what: string, header: unknown, message: RegExp][] = [
  ["a header that is not JSON", "{oops", /header of .* is not valid JSON/],
  ["a header that is a list", [], /not a JSON object/],
  ["a header that is null", null, /not a JSON object/],
  ["an entry that is not an object", { a: 3 }, /tensor a .* entry is not an object/],
  ["an unknown dtype", { a: entry("F33", [4], 0, 16) }, /tensor a .* unknown dtype "F33"/],
  ["a dtype that is a property of every object", { a: entry("toString", [4], 0, 16) }, /unknown dtype/],
  ["a dtype that is a number", { a: entry(32, [4], 0, 16) }, /unknown dtype 32/],
  ["a missing shape", { a: { dtype: "F32", data_offsets: [0, 16] } }, /shape nothing is not a list/],
  ["a negative size", { a: entry("F32", [-4], 0, 16) }, /shape \[-4\] is not a list of whole numbers/],
  ["a fractional size", { a: entry("F32", [1.5], 0, 6) }, /shape \[1.5\]/],
  ["a size above 2^53", '{"a":{"dtype":"F32","shape":[1e300],"data_offsets":[0,16]}}', /tensor a .* shape/],
  ["a product of sizes that overflows", { a: entry("F32", [2 ** 31, 2 ** 31], 0, 16) }, /is not possible/],
  ["a shape of strings", { a: entry("F32", ["4"], 0, 16) }, /shape \["4"\]/],
  ["offsets past the end", { a: entry("F32", [4], 16, 32) }, /bytes 16 to 32 are not in the file, which holds 16/],
  ["offsets that run backwards", { a: entry("F32", [4], 16, 0) }, /bytes 16 to 0 are not in the file/],
  ["a negative offset", { a: entry("F32", [4], -8, 8) }, /data_offsets \[-8,8\] are not two whole numbers/],
  ["one offset", { a: { dtype: "F32", shape: [4], data_offsets: [0] } }, /data_offsets \[0\]/],
  ["bytes that do not match the shape", { a: entry("F32", [3], 0, 16) }, /has 16 bytes where \[3\] F32 takes 12/],
  ["overlapping tensors", { a: entry("F32", [3], 0, 12), b: entry("F32", [2], 8, 16) }, /a and b overlap/],
  ["a gap", { a: entry("F32", [1], 0, 4), b: entry("F32", [2], 8, 16) }, /4 bytes after a belong to no tensor/],
  ["bytes after the last tensor", { a: entry("F32", [2], 0, 8) }, /8 bytes after a belong to no tensor/],
  [
    "a name that occurs twice",
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}',
    /8 bytes after the header belong to no tensor/,
  ],
  [
    "metadata that is not text",
    { __metadata__: { a: 1 }, a: entry("F32", [4], 0, 16) },
    /__metadata__ .* strings to strings/,
  ],
];

function readHeaders({ test }: Suite): void {
  for (const [what, header, message] of hostile) {
    test(
      `${what} is refused`,
      inFolder((folder) => refused(() => readHeader(writeSafetensors(folder, header, 16)), message)),
    );
  }

  test(
    "a damaged beginning is refused with what is wrong",
    inFolder(async (folder) => {
      const path = join(folder, "a.safetensors");
      const given = (bytes: string | Uint8Array, message: RegExp) => {
        writeFileSync(path, bytes);
        return refused(() => readHeader(path), message);
      };
      await given("", /is not a safetensors file: it has only 0 bytes/);
      await given("1234567", /only 7 bytes/);
      await given(safetensorsBytes({}, 0, 8n * 2n ** 60n), /claims a header of 9223372036854775808 bytes/);
      await given(safetensorsBytes({}, 0, 2n ** 64n - 1n), /claims a header of 18446744073709551615 bytes/);
      await given(safetensorsBytes({}, 0, 50n), /cut off: its header should have 50 bytes, 2 are there/);
      await given("version https://git-lfs.github.com/spec/v1\n", /Git LFS pointer.*git lfs pull/);
      await given(Buffer.concat([safetensorsBytes("", 0, 2n), Buffer.from([0x22, 0xff])]), /not UTF-8/);
      await refused(() => readHeader(join(folder, "absent")), /cannot read .*absent: there is no such file/);
      mkdirSync(join(folder, "d"));
      await refused(() => readHeader(join(folder, "d")), /it is a folder/);
    }),
  );

  test(
    "a header of random bytes is refused or read, never anything else",
    inFolder(async (folder) => {
      const sound = safetensorsBytes({ a: entry("F32", [4], 0, 16) }, 16);
      for (let at = 0; at < sound.byteLength - 16; at++) {
        for (const bit of [1, 4, 32, 128]) {
          const damaged = Uint8Array.from(sound);
          damaged[at] = (damaged[at] as number) ^ bit;
          const path = join(folder, "a.safetensors");
          writeFileSync(path, damaged);
          await readHeader(path).then(
            ({ tensors }) => assert.is(tensors.length, 1),
            (error: Error) => assert.is(error.name, "UserError"),
          );
        }
      }
    }),
  );
}

function readTensors({ test }: Suite): void {
  test(
    "a tensor is read by range from its place in the file",
    inFolder(async (folder) => {
      const data = Uint8Array.from({ length: 24 }, (_, i) => i);
      const header = {
        __metadata__: { format: "pt" },
        b: entry("I64", [1], 16, 24),
        a: entry("F16", [2, 4], 0, 16),
        none: entry("F32", [0, 7], 24, 24),
      };
      const { tensors, metadata } = await readHeader(writeSafetensors(folder, header, data));
      assert.equal(metadata, { format: "pt" });
      assert.equal(
        tensors.map(({ name, dtype, shape, bytes }) => [name, dtype, shape, bytes]),
        [
          ["a", "F16", [2, 4], 16],
          ["b", "I64", [1], 8],
          ["none", "F32", [0, 7], 0],
        ],
      );
      const [a, b, none] = tensors as [(typeof tensors)[0], (typeof tensors)[0], (typeof tensors)[0]];
      assert.equal(await readTensor(b), data.slice(16));
      assert.equal(await readRange(a, 3, 7), data.slice(3, 7));
      assert.is((await readTensor(none)).byteLength, 0);
      const into = new Uint8Array(16);
      assert.is(await readTensor(a, into), into);
      assert.equal(into, data.slice(0, 16));
      await broken(readRange(a, 0, 17), /bytes 0 to 17 of a/);
      utimesSync(b.path, 1, 1);
      await refused(() => readTensor(a), /model.safetensors has been written to while it was in use; start again/);
      truncateSync(b.path, b.offset + 3);
      await refused(() => readTensor(b), /ends at byte \d+ while being read/);
    }),
  );
}

function writeFiles({ test }: Suite): void {
  test(
    "what the writer wrote is read back, whatever the order of declarations and pieces",
    inFolder(async (folder) => {
      const declarations = [
        { name: "z", dtype: "F16", shape: [3] },
        { name: "b", dtype: "F32", shape: [2, 2] },
        { name: "a", dtype: "U8", shape: [5] },
        { name: "__proto__", dtype: "BOOL", shape: [] },
        { name: "empty", dtype: "F32", shape: [0] },
      ] as const;
      const bytes = (name: string, count: number) =>
        Uint8Array.from({ length: count }, (_, i) => name.charCodeAt(0) + i);
      const write = async (path: string, order: readonly number[]) => {
        const writer = await SafetensorsWriter.create(
          path,
          order.map((i) => declarations[i] as (typeof declarations)[number]),
        );
        for (const i of order) {
          const { name, dtype, shape } = declarations[i] as (typeof declarations)[number];
          const all = bytes(name, byteSize(dtype, shape) as number);
          const cut = Math.floor(all.byteLength / 2);
          await writer.write(name, all.subarray(cut), cut);
          await writer.write(name, all.subarray(0, cut));
        }
        await writer.close();
      };
      const [first, second] = [join(folder, "1"), join(folder, "2")];
      await write(first, [0, 1, 2, 3, 4]);
      await write(second, [3, 4, 1, 0, 2]);
      assert.equal(readFileSync(first), readFileSync(second));
      const { tensors, metadata } = await readHeader(first);
      assert.equal(metadata, { format: "pt" });
      assert.equal(tensors.map(({ name }) => name).sort(), ["__proto__", "a", "b", "empty", "z"]);
      assert.equal(tensors.map(({ offset }) => offset % 8)[0], 0, "the data begins at a multiple of 8");
      for (const tensor of tensors) assert.equal(await readTensor(tensor), bytes(tensor.name, tensor.bytes));
    }),
  );

  test(
    "a byte that is missing, written twice or outside of its tensor is a bug that is found",
    inFolder(async (folder) => {
      const writer = await SafetensorsWriter.create(join(folder, "a"), [{ name: "a", dtype: "U8", shape: [10] }]);
      await writer.write("a", new Uint8Array(2), 2);
      await writer.write("a", new Uint8Array(2), 6);
      await broken(writer.write("a", new Uint8Array(4), 3), /bytes 3 to 7 of a were written before/);
      await broken(writer.write("a", new Uint8Array(1), 2), /written before/);
      await broken(writer.write("a", new Uint8Array(4), 4), /written before/);
      await broken(writer.write("a", new Uint8Array(1), 10), /outside of tensor a/);
      await broken(writer.write("b", new Uint8Array(1)), /not declared/);
      await writer.write("a", new Uint8Array(2), 4);
      await writer.write("a", new Uint8Array(2));
      await broken(writer.close(), /tensor a: 8 of 10 bytes/);
      const twice = { name: "a", dtype: "U8", shape: [1] } as const;
      await broken(SafetensorsWriter.create(join(folder, "b"), [twice, twice]), /a is declared twice/);
    }),
  );
}

suite("io: safetensors", (t) => {
  readHeaders(t);
  readTensors(t);
  writeFiles(t);
});
