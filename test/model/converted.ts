/** GGUF files as llama.cpp's converter writes them of folders, which test/peers/gguf_files.py has recorded: written again, and read. */
import { createHash } from "node:crypto";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { withFile } from "../../runtime/io/file.ts";
import { readGgufHeader, sourceOf } from "../../runtime/io/gguf/header.ts";
import type { StoredTensor } from "../../runtime/io/safetensors.ts";
import { values } from "../given/weights.ts";
import { suite } from "../harness/suite.ts";
import { readTensor } from "../io/tensors.ts";
import { openEvaluations, type Recorded, type Row, recorded } from "./transformers.ts";

export interface FileRow extends Row {
  readonly tensors: { readonly [name: string]: readonly number[] };
  /** What the file begins with, compressed. */
  readonly header: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The numbers of tensors that stretch positions. */
  readonly frequencies: { readonly [tensor: string]: readonly number[] };
}

export const convertedFiles: Recorded<FileRow> = recorded("gguf_files.json");

/** A tensor's bytes as its folder has them, in the order in which a GGUF file has them. */
function rearranged({ shape, arrangement, bytes }: StoredTensor, given: Uint8Array): Uint8Array {
  if (arrangement === undefined) return given;
  const [rows = 1, columns = 1] = shape;
  const width = bytes / shape.reduce((product, size) => product * size, 1);
  const elements = (from: readonly number[], size: number): Uint8Array =>
    Buffer.concat(from.map((at) => given.subarray(at * size, (at + 1) * size)));
  switch (arrangement.kind) {
    case "regrouped": {
      const { groups, parts, run } = arrangement;
      const all = groups * parts * run;
      const from = Array.from({ length: rows }, (_, row) => {
        const [at, within] = [Math.floor((row % all) / run), row % run];
        return row - (row % all) + ((at % groups) * parts + Math.floor(at / groups)) * run + within;
      });
      return elements(from, bytes / rows);
    }
    case "transposed":
      return elements(
        Array.from({ length: rows * columns }, (_, at) => (at % rows) * columns + Math.floor(at / rows)),
        width,
      );
    case "interleaved":
      throw new Error("fields of codes are not written one by one");
    case "above-by-one":
      return new Uint8Array(new Float32Array(given.slice().buffer).map((value) => value + 1).buffer);
  }
}

/** Writes the file that was recorded, of what its folder has; it must be the same, to the byte. */
export async function writeConverted(
  folder: string,
  row: FileRow,
  bytesOf: (name: string) => Promise<Uint8Array>,
): Promise<string> {
  const path = join(folder, `${row.name.replaceAll(/\W+/g, "-")}.gguf`);
  writeFileSync(path, gunzipSync(Buffer.from(row.header, "base64")));
  truncateSync(path, row.bytes);
  const { tensors: listed } = await withFile(path, async (file) => readGgufHeader(sourceOf(file)));
  const file = openSync(path, "r+");
  for (const { name, bytes, offset } of listed)
    if (row.frequencies[name])
      writeSync(file, new Uint8Array(Float32Array.from(row.frequencies[name]).buffer), 0, bytes, offset);
  const { tensors } = await openCheckpoint(path);
  assert.equal([...tensors.keys()].sort(), Object.keys(row.tensors).sort());
  for (const [name, tensor] of tensors) {
    assert.equal(tensor.shape, row.tensors[name], name);
    const bytes = rearranged(tensor, await bytesOf(name));
    writeSync(file, bytes, 0, bytes.byteLength, tensor.offset);
  }
  closeSync(file);
  assert.is(createHash("sha256").update(readFileSync(path)).digest("hex"), row.sha256);
  return path;
}

const written = (name: string, shape: readonly number[]): Uint8Array => new Uint8Array(values(name, shape).buffer);

/** A test for each file of some families: weights and loss are those of the folder that it was made from. */
export async function testConverted(title: string, isOf: (family: string) => boolean): Promise<void> {
  const evaluations = await openEvaluations(convertedFiles);
  const folder = mkdtempSync(join(tmpdir(), "lcomp-gguf-"));
  const rows = convertedFiles.rows.filter(({ name, nll }) => nll !== undefined && isOf(name.replace(/,.*/, "")));
  suite(title, ({ test }) => {
    for (const row of rows)
      test(`${row.name}: weights and loss are those of the folder`, async () => {
        const path = await writeConverted(folder, row, async (name) => written(name, row.tensors[name] ?? []));
        const { tensors } = await openCheckpoint(path);
        for (const [name, tensor] of tensors) {
          const [found, given] = [await readTensor(tensor), written(name, tensor.shape)];
          if (tensor.arrangement?.kind !== "above-by-one") assert.equal(Buffer.from(found), Buffer.from(given), name);
        }
        const found = await evaluations.evaluateAt(path);
        assert.ok(
          "loss" in found && Math.abs(found.loss - (row.nll ?? 0)) < 1e-5,
          `${JSON.stringify(found)}, not ${row.nll}`,
        );
      });

    test("the device and the folders are given back", () => {
      evaluations.close();
      rmSync(folder, { recursive: true });
    });
  });
}
