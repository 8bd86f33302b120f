/** Methods on linear layers that see the same layers of another model. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { writeRecorded } from "../given/recorded-model.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readDecoder } from "../run/decoder.ts";
import { closeTokens, runText } from "./on-tokens.ts";

const source = (stages: string): string => `
import { magnitude } from "std/prune/magnitude"
import { rtn } from "std/quantize/rtn"

method mirrored(dense: Model) on linear(w: f32[out, in]) { 2 * dense.w - w }

method doubled() on linear(w: f32[out, in]) { 2 * w }

/// Each row with the largest output that the other model has beyond it.
method risen(dense: Model) on linear(w: f32[out, in], x: f32[sample, token, in]) from dense {
  observe most = max(abs(sum((dense.w - w) * x, over in)), over (sample, token))
  w + most
}

method loud() on linear(w: f32[out, in], x: f32[sample, token, in]) from dense {
  observe most = max(abs(sum(w * x, over in)), over (sample, token))
  w + most
}

recipe beside(model: Model, text: Corpus) {
  let some = text.train.sample(2, length: 16, seed: 3)
  ${stages}
}
`;

const tokens = Int32Array.from({ length: 96 }, (_, i) => (i * i * 7 + 13 * i) % 96);
const [fused, down] = ["transformer.h.1.attn.c_attn.weight", "transformer.h.1.mlp.c_proj.weight"];

/** What stages make of a GPT-2, whose q, k and v are columns of one matrix. */
async function made(folder: string, name: string, stages: string) {
  const [model, out] = [join(folder, "model"), join(folder, name)];
  await runText(source(`${stages}\n  save ${name} as "huggingface"`), model, { train: tokens }, out);
  return (await readDecoder(out)).tensors;
}

const at = (tensors: ReadonlyMap<string, Float64Array>, path: string): Float64Array =>
  tensors.get(path) ?? new Float64Array();

suite("recipe: other models", ({ test }) => {
  test(
    "a layer among others in one matrix is compared with its own columns there",
    inFolder(async (folder) => {
      writeRecorded(join(folder, "model"), "gpt2");
      const given = (await readDecoder(join(folder, "model"))).tensors;
      const few = "stage few = magnitude(50%) of model for q, v, down";
      const back = `${few}\n  stage back = mirrored(model) of few for v, down`;
      const [before, after] = [await made(folder, "few", few), await made(folder, "back", back)];
      const mirrored = (path: string): number[] =>
        [...at(given, path)].map((value, i) => 2 * value - (at(before, path)[i] ?? NaN));
      assert.equal([...at(after, down)], mirrored(down));
      const [n, expected] = [Math.sqrt(at(given, fused).length / 3), mirrored(fused)];
      const isOfValues = (i: number): boolean => i % (3 * n) >= 2 * n;
      assert.equal(
        [...at(after, fused)],
        [...at(before, fused)].map((value, i) => (isOfValues(i) ? expected[i] : value)),
      );
      assert.ok(at(before, fused).some((value, i) => isOfValues(i) && value === 0));
    }),
  );

  test(
    "codes of another model are read as the numbers that they stand for",
    inFolder(async (folder) => {
      writeRecorded(join(folder, "model"), "gpt2");
      const given = (await readDecoder(join(folder, "model"))).tensors;
      const coded = "stage coded = rtn(4, every: 16) of model for q, k, v, down";
      const far = `${coded}\n  stage far = mirrored(coded) of model for down`;
      const [codes, after] = [await made(folder, "coded", coded), await made(folder, "far", far)];
      assert.equal(
        [...at(after, down)],
        [...at(given, down)].map((value, i) => Math.fround(2 * (at(codes, down)[i] ?? NaN) - value)),
      );
    }),
  );

  test(
    "an observation may read its matrix",
    inFolder(async (folder) => {
      writeRecorded(join(folder, "model"), "gpt2");
      const double = "stage double = doubled() of model for q, down";
      const one = await made(folder, "one", `${double}\n  stage one = risen(double) of model over some for q, down`);
      const two = await made(folder, "two", "stage two = loud() of model over some for q, down");
      for (const path of [fused, down])
        for (const [i, value] of at(one, path).entries())
          assert.ok(Math.abs(value - (at(two, path)[i] ?? NaN)) < 1e-5, `${path} ${i}`);
    }),
  );

  test("the device closes", closeTokens);
});
