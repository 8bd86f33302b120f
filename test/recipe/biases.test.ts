/** Methods that give a new bias beside new weights. */
import { readFileSync } from "node:fs";
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
      assert.equal(changed, ["q", "v", "up"]);
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

  test(
    "a layer without a bias gains one, and with it all of which config.json says the same",
    inFolder(async (folder) => {
      const [model, out] = [join(folder, "model"), join(folder, "out")];
      await writeDecoder(model, { config: { mlp_bias: false } });
      await runText(source("corrected() of model over sample for layer[1].down"), model, { train: tokens }, out);
      const [given, found] = [await readDecoder(model), await readDecoder(out)];
      assert.is(JSON.parse(readFileSync(join(out, "config.json"), "utf8")).mlp_bias, true);
      assert.is(given.tensors.has("model.layers.1.mlp.down_proj.bias"), false);
      const isZero = (name: string): boolean =>
        found.tensors.get(`model.layers.${name}.bias`)?.every((x) => x === 0) === true;
      assert.ok(
        ["0.mlp.gate_proj", "0.mlp.up_proj", "0.mlp.down_proj", "1.mlp.gate_proj", "1.mlp.up_proj"].every(isZero),
      );
      assert.is(
        found.tensors.get("model.layers.1.mlp.down_proj.bias")?.every((x) => x !== 0),
        true,
      );
      assert.is(found.tensors.has("model.layers.1.self_attn.o_proj.bias"), false);
    }),
  );

  test("a bias that config.json cannot say is refused", () => {
    assert.equal(problems(source("doubled() of model for q, k")), []);
    assert.equal(problems(source("doubled() of model for gate"), { model: "tall" }), ["not-supported"]);
  });

  test("what goes of an activation stays at a value where linear layers alone read it", () => {
    const leaving = (sees: string, left: string): readonly string[] =>
      problems(`
method half(mlp: Amount(mlp) = 50%) on block(${sees}, neuron: f32[sample, token, mlp], down: f32[model, mlp]) {
  observe loud = mean(neuron, over (sample, token))
  observe power = sum(down^2, over model)
  select mlp to mlp by power leaving { ${left} }
}
recipe halved(model: Model, text: Corpus) {
  stage small = half() of model over text.train.sample(2, length: 16)
  save small as "huggingface"
}`);
    assert.equal(leaving("input: f32[sample, token, model]", "neuron: loud"), []);
    assert.equal(leaving("input: f32[sample, token, model]", "mixed: loud"), ["unknown-name"]);
    assert.equal(leaving("input: f32[sample, token, model]", "neuron: power + sum(loud, over layer)"), []);
    assert.equal(leaving("input: f32[sample, token, model]", "neuron: sum(loud, over layer)"), ["wrong-type"]);
    assert.equal(
      problems(`
method narrower() on block(input: f32[sample, token, model], mlp_in: f32[sample, token, model]) {
  observe loud = mean(input, over (sample, token))
  select model to 8 by sum(loud, over layer) leaving { input: loud }
}
recipe narrow(model: Model, text: Corpus) {
  stage small = narrower() of model over text.train.sample(2, length: 16)
  save small as "huggingface"
}`),
      ["not-supported"],
    );
    assert.equal(
      problems(
        'method read(mlp: Amount(mlp) = 50%) on block(down: f32[model, mlp]) { select mlp to mlp by sum(down, over model) }\nrecipe r(model: Model) { stage s = read() of model\n save s as "huggingface" }',
      ),
      ["activation-outside-observe"],
    );
  });

  test("the device is given back", closeTokens);
});
