/** Methods that give a new bias beside new weights. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { biased, writeDecoder } from "../given/model-folder.ts";
import { writeRecorded } from "../given/recorded-model.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readDecoder } from "../run/decoder.ts";
import { problems } from "./bound.ts";
import { closeTokens, runText } from "./on-tokens.ts";

const source = (stage: string): string => `
method doubled() on linear(w: f32[out, in], bias: f32[out]) { { w: -w, bias: 2 * bias } }

/// What rounding takes from the mean of the outputs, the bias gives back.
method corrected() on linear(w: f32[out, in], bias: f32[out], x: f32[sample, token, in]) from dense {
  observe centre = mean(x, over (sample, token))
  let most = max(abs(w), over in)
  let rounded = round(w / most) * most
  { w: rounded, bias: bias + sum((w - rounded) * centre, over in) }
}

recipe biases(model: Model, text: Corpus) {
  let sample = text.train.sample(2, length: 16)
  stage made = ${stage}
  save made as "huggingface"
}
`;

const tokens = Array.from({ length: 96 }, (_, i) => (i * i * 7 + 13 * i) % 96);

suite("recipe: biases", ({ test }) => {
  test(
    "layers of one matrix have their biases in one tensor, of which those that a stage changes are new",
    inFolder(async (folder) => {
      const [model, out] = [join(folder, "model"), join(folder, "out")];
      writeRecorded(model, "gpt2");
      const { stages } = await runText(source("doubled() of model for q, v, up"), model, { train: tokens }, out);
      const changed = stages[0]?.changed.filter(({ layer }) => layer === 1).map(({ what }) => what);
      assert.equal(changed, ["q", "v", "up", "bias of q, k, v", "bias of up"]);
      const [given, found] = [await readDecoder(model), await readDecoder(out)];
      const at = (name: string): readonly [Float64Array, Float64Array] => {
        const path = `transformer.h.1.${name}`;
        return [given.tensors.get(path) ?? new Float64Array(), found.tensors.get(path) ?? new Float64Array()];
      };
      const [before, after] = at("attn.c_attn.bias");
      const n = before.length / 3;
      assert.equal([...after], [...before.map((x, i) => (i >= n && i < 2 * n ? x : 2 * x))]);
      const [matrix, changedMatrix] = at("attn.c_attn.weight");
      assert.equal(
        [...changedMatrix],
        [...matrix.map((x, i) => ((i % (3 * n)) / n >= 1 && (i % (3 * n)) / n < 2 ? x : -x))],
      );
      const [up, newUp] = at("mlp.c_fc.bias");
      assert.equal([...newUp], [...up.map((x) => 2 * x)]);
    }),
    "swiftshader",
  );

  test(
    "a bias makes up for the mean of what rounding takes",
    inFolder(async (folder) => {
      const [model, out] = [join(folder, "model"), join(folder, "out")];
      await writeDecoder(model, { config: biased });
      await runText(source("corrected() of model over sample for down"), model, { train: tokens }, out);
      const [given, found] = [await readDecoder(model), await readDecoder(out)];
      const path = "model.layers.0.mlp.down_proj";
      const [w, v] = [given, found].map(({ tensors }) => tensors.get(`${path}.weight`) ?? new Float64Array());
      const [b, c] = [given, found].map(({ tensors }) => tensors.get(`${path}.bias`) ?? new Float64Array());
      assert.ok(v?.some((x, i) => x !== w?.[i]));
      assert.ok(b?.every((x, i) => x !== c?.[i]));
      for (const name of ["mlp.up_proj", "self_attn.q_proj"])
        assert.equal(
          found.tensors.get(`model.layers.0.${name}.bias`),
          given.tensors.get(`model.layers.0.${name}.bias`),
        );
    }),
  );

  test("a layer without a bias is refused", () => {
    assert.equal(problems(source("doubled() of model for q, k")), ["not-supported"]);
  });

  test("the device is given back", closeTokens);
});
