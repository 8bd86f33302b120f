/** Scales that are folded into what makes an activation change nothing but rounding, in every architecture. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { biased, writeDecoder } from "../given/model-folder.ts";
import { writeRecorded } from "../given/recorded-model.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readDecoder } from "../run/decoder.ts";
import { bound, problems } from "./bound.ts";
import { closeTokens, runText } from "./on-tokens.ts";

const source = (stages: string): string => `
import { rtn } from "std/quantize/rtn"

/// Scales that are powers of two.
method exactly() on readers(w: f32[out, in]) { { fold: 2^(index(in) % 5 - 2) } }

method roughly() on readers(w: f32[out, in], x: f32[sample, token, in]) {
  observe loud = max(abs(x), over (sample, token))
  { fold: loud^0.5 / max(max(abs(w), over out), 1e-5)^0.5 }
}

method negative() on readers(w: f32[out, in]) { { fold: f32(index(in)) - 3 } }

/// How far logits are from those of another model, at most.
fn apart(a: Model, b: Model, text: Corpus, length: Int) {
  let tokens = text.windows(length)
  observe far = max(abs(a(tokens) - b(tokens)), over vocab)
  max(far, over (sample, token))
}

recipe folds(model: Model, text: Corpus) {
  let sample = text.train.sample(2, length: 16)
${stages}
}
`;

const tokens = Array.from({ length: 96 }, (_, i) => (i * i * 7 + 13 * i) % 96);
const texts = { train: tokens, test: tokens };

/** By how much logits differ after a fold with powers of two, and with the scales of a method that observes. */
async function distances(model: string, layers: string): Promise<readonly [exactly: number, roughly: number]> {
  const { reports } = await runText(
    source(`  stage even = exactly() of model for ${layers}
  stage smooth = roughly() of model over sample for ${layers}
  report apart(model, even, text.test, 48), apart(model, smooth, text.test, 48)`),
    model,
    texts,
  );
  const [even = NaN, smooth = NaN] = reports.map(({ value }) => value);
  return [even, smooth];
}

/** The layers of each architecture whose inputs can be divided, and whether scales of powers of two change no bit. */
const foldable: Readonly<Record<string, readonly [layers: string, isExact: boolean]>> = {
  qwen2: ["q, k, v, gate, up, down, lm_head", true],
  qwen3: ["q, k, v, gate, up, down, lm_head", true],
  gemma3: ["q, k, v, gate, up, down", false],
  gpt2: ["q, k, v, o, up", true],
  gemma2: ["q, k, v, gate, up, down", false],
  phi3: ["q, k, v, gate, up, down, lm_head", true],
  olmo2: ["down, lm_head", true],
  gpt_neox: ["q, k, v, up, lm_head", true],
};

suite("recipe: folds", ({ test }) => {
  for (const [name, [layers, isExact]] of Object.entries(foldable))
    test(
      `${name}: the logits of a model with scales in ${layers} are those of the model`,
      inFolder(async (folder) => {
        writeRecorded(join(folder, "model"), name);
        const [even, smooth] = await distances(join(folder, "model"), layers);
        if (isExact) assert.is(even, 0);
        for (const distance of [even, smooth]) assert.ok(distance < 1e-4, `${distance}`);
      }),
    );

  test(
    "llama, a key for each query, with biases: values give way to the scale of what is mixed, and biases with them",
    inFolder(async (folder) => {
      await writeDecoder(folder, { config: { num_key_value_heads: 4, ...biased } });
      const [even, smooth] = await distances(folder, "q, k, v, o, gate, up, down");
      assert.is(even, 0);
      assert.ok(smooth < 1e-3, `${smooth}`);
    }),
    "swiftshader",
  );

  test(
    "every tensor that changes is divided or multiplied once, zeros of matrices are counted, and no other is touched",
    inFolder(async (folder) => {
      const [model, out] = [join(folder, "model"), join(folder, "out")];
      await writeDecoder(model, { config: { num_key_value_heads: 4, ...biased } });
      const stages = `  stage even = exactly() of model for o, down\n  save even as "huggingface"`;
      const {
        stages: [stage],
      } = await runText(source(stages), model, texts, out);
      const layer = stage?.changed.filter((each) => each.layer === 0).map(({ what }) => what);
      assert.equal(layer, ["v", "o", "up", "down"]);
      const [given, made] = [await readDecoder(model), await readDecoder(out)];
      const scale = (i: number): number => 2 ** ((i % 5) - 2);
      const factors: Readonly<Record<string, (row: number, column: number) => number>> = {
        "self_attn.v_proj": (row) => 1 / scale(row),
        "self_attn.o_proj": (_, column) => scale(column),
        "mlp.up_proj": (row) => 1 / scale(row),
        "mlp.down_proj": (_, column) => scale(column),
      };
      const { tensors } = await openCheckpoint(model);
      for (const [name, w] of given.tensors) {
        const path = name.replace(/^model\.layers\.\d+\./, "").replace(/\.(weight|bias)$/, "");
        const isScaled = path in factors && (name.endsWith("weight") || /[vp]_proj\.bias$/.test(name));
        const factor = (isScaled && !/(o|down|gate)_proj\.bias$/.test(name) && factors[path]) || (() => 1);
        const columns = tensors.get(name)?.shape[1] ?? 1;
        const expected = w.map((x, i) => x * factor(Math.floor(i / columns), i % columns));
        assert.equal([...(made.tensors.get(name) ?? [])], [...expected], name);
      }
    }),
  );

  test(
    "scales that are not above 0 end the run",
    inFolder(async (folder) => {
      await writeDecoder(folder);
      const stages = "  stage even = negative() of model for gate, up\n  report apart(model, even, text.test, 48)";
      const failed = await runText(source(stages), folder, texts).then(
        () => "",
        (error: Error) => error.message,
      );
      assert.match(failed, /^stage even, layer 0: 4 of the scales of gate, up are not above 0/);
    }),
  );

  test("what cannot be divided is refused", () => {
    const stage = (layers: string): string => source(`  stage even = exactly() of model for ${layers}`);
    for (const layers of ["q", "o", "gate", "q, k, v, o"])
      assert.equal(problems(stage(layers)), ["cannot-fold"], layers);
    assert.equal(problems(stage("q, k, v, gate, up, down")), []);
    assert.ok(bound(stage("down")).steps.every(({ part }) => part.what !== "gate"));
  });

  test("the device is given back", closeTokens);
});
