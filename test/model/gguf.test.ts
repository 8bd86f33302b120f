/** GGUF files as llama.cpp's converter writes them of folders (test/peers/gguf_files.py): they are those folders again. */
import { createHash } from "node:crypto";
import {
  closeSync,
  cpSync,
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
import { lcomp } from "../cli/lcomp.ts";
import { values } from "../given/weights.ts";
import { suite } from "../harness/suite.ts";
import { readTensor } from "../io/tensors.ts";
import { root } from "../repository/sources.ts";
import { openEvaluations, type Recorded, type Row, recorded } from "./transformers.ts";

interface FileRow extends Row {
  readonly tensors: { readonly [name: string]: readonly number[] };
  /** What the file begins with, compressed. */
  readonly header: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly divisors: readonly number[] | null;
}

const record: Recorded<FileRow> = recorded("gguf_files.json");
const evaluations = await openEvaluations(record);
const folder = mkdtempSync(join(tmpdir(), "lcomp-gguf-"));

/** A tensor's bytes as its folder has them, in the order in which a GGUF file has them. */
function rearranged({ shape, arrangement, bytes }: StoredTensor, given: Uint8Array): Uint8Array {
  if (arrangement === undefined) return given;
  const [rows = 1, columns = 1] = shape;
  const width = bytes / shape.reduce((product, size) => product * size, 1);
  const elements = (from: readonly number[], size: number): Uint8Array =>
    Buffer.concat(from.map((at) => given.subarray(at * size, (at + 1) * size)));
  switch (arrangement.kind) {
    case "paired": {
      const { rows: head } = arrangement;
      const from = Array.from({ length: rows }, (_, row) => {
        const at = row % head;
        return row - at + (at % 2 === 0 ? at / 2 : (at - 1 + head) / 2);
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
async function writeRecorded(row: FileRow, bytesOf: (name: string) => Promise<Uint8Array>): Promise<string> {
  const path = join(folder, `${row.name.replaceAll(/\W+/g, "-")}.gguf`);
  writeFileSync(path, gunzipSync(Buffer.from(row.header, "base64")));
  truncateSync(path, row.bytes);
  const { tensors: listed } = await withFile(path, async (file) => readGgufHeader(sourceOf(file)));
  const file = openSync(path, "r+");
  const scales = listed.find(({ name }) => name === "rope_freqs.weight");
  if (scales)
    writeSync(file, new Uint8Array(Float32Array.from(row.divisors ?? []).buffer), 0, scales.bytes, scales.offset);
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

suite("GGUF files of llama.cpp's converter", ({ test }) => {
  for (const row of record.rows.filter(({ nll }) => nll !== undefined))
    test(`${row.name}: weights and loss are those of the folder`, async () => {
      const path = await writeRecorded(row, async (name) => written(name, row.tensors[name] ?? []));
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

  test("the example's file gives the loss of its folder, and a result that is a folder with the same weights", async () => {
    const tiny = await openCheckpoint(join(root, "examples/tiny"));
    const row = record.rows.find(({ name }) => name === "tiny") as FileRow;
    const path = await writeRecorded(row, async (name) => {
      const tensor = tiny.tensors.get(name) as StoredTensor;
      const bytes = await readTensor(tensor);
      return tensor.shape.length > 1 ? bytes : widened(bytes);
    });
    const text = join(folder, "some.jsonl");
    const lines = readFileSync(join(root, "examples/world/test.jsonl"), "utf8").split("\n").slice(0, 12);
    writeFileSync(text, lines.join("\n"));
    const evaluated = (model: string): number => {
      const { stdout, stderr } = lcomp(root, ["eval", model, "--text", text, "--length", "128", "--json", "--quiet"]);
      assert.match(stdout, /mean_nll/, stderr);
      return JSON.parse(stdout).mean_nll;
    };
    assert.is(evaluated(path), evaluated(join(root, "examples/tiny")));
    writeFileSync(join(folder, "half.lcomp"), recipe);
    const out = join(folder, "out");
    const ran = lcomp(folder, ["run", "half.lcomp", "--model", path, "--out", out, "--quiet", "--json"]);
    assert.is(ran.status, 0, ran.stderr);
    assert.ok(JSON.parse(ran.stdout).left_behind.includes(join(path, "general.name")), ran.stdout);
    const made = await openCheckpoint(out);
    assert.equal(made.companions, ["generation_config.json", "tokenizer.json", "tokenizer_config.json"]);
    cpSync(join(root, "examples/tiny"), join(folder, "tiny"), { recursive: true });
    lcomp(folder, ["run", "half.lcomp", "--model", "tiny", "--out", "other", "--quiet"]);
    const other = await openCheckpoint(join(folder, "other"));
    for (const [name, tensor] of other.tensors) {
      const expected = await readTensor(tensor);
      const found = await readTensor(made.tensors.get(name) as StoredTensor);
      assert.equal(Buffer.from(found), Buffer.from(tensor.shape.length > 1 ? expected : widened(expected)), name);
    }
    assert.is(evaluated(out), evaluated(join(folder, "other")));
  });

  test("the device and the folders are given back", () => {
    evaluations.close();
    rmSync(folder, { recursive: true });
  });
});

const widened = (half: Uint8Array): Uint8Array =>
  new Uint8Array(Float32Array.from(new Float16Array(half.slice().buffer)).buffer);

const recipe = `import { magnitude } from "std/prune/magnitude"

recipe half(model: Model) {
  stage sparse = magnitude(50%) of model for linear except lm_head
  save sparse as "huggingface"
}
`;
