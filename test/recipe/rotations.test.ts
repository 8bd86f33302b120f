/** Rotations that are folded into weights: the model computes what it did, in every architecture that can be turned. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { biased, writeDecoder } from "../given/model-folder.ts";
import { writeRecorded } from "../given/recorded-model.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { run } from "../language/run.ts";
import { readDecoder } from "../run/decoder.ts";
import { bound, problems } from "./bound.ts";
import { closeTokens, runText } from "./on-tokens.ts";

const source = (stages: string): string => `
import { hadamard, random_hadamard } from "std/hadamard"
import { quarot } from "std/rotate/quarot"
import { slicegpt } from "std/rotate/slicegpt"

/// Each place goes to the next.
method shifted() on block(input: f32[sample, token, model]) {
  rotate input by f32(index(column: size(model)) == (index(model) + 1) % size(model))
}

method heads() on block(mixed: f32[sample, token, kv, group, head]) {
  rotate mixed by random_hadamard(7, over head)
}

/// In each block another way.
method apart() on block(mixed: f32[sample, token, kv, group, head]) {
  let place = (index(head) + index(layer) * (1 where index(head) >= 0)) % size(head)
  rotate mixed by f32(index(column: size(head)) == place)
}

/// One input is louder than all others.
method outlying() on linear(w: f32[out, in]) { w * (20 where index(in) == 5 else 1) }

/// Of four places that are handed on one is 0.
method made_less() on linear(w: f32[out, in]) { w where index(out) % 4 > 0 }

method read_less() on linear(w: f32[out, in]) { w where index(in) % 4 > 0 }

method askew() on block(input: f32[sample, token, model]) {
  rotate input by 0.99 * hadamard(over model)
}

/// How far logits are from those of another model, at most.
fn apart_at_most(a: Model, b: Model, text: Corpus, length: Int) {
  let tokens = text.windows(length)
  observe far = max(abs(a(tokens) - b(tokens)), over vocab)
  max(far, over (sample, token))
}

recipe rotations(model: Model, text: Corpus) {
${stages}
}
`;

const tokens = Array.from({ length: 48 }, (_, i) => (i * i * 7 + 13 * i) % 96);
const texts = { train: tokens, test: tokens };

/** By how much logits differ after a method. */
async function distance(model: string, method: string, out?: string): Promise<number> {
  const save = out === undefined ? "" : `\n  save turned as "huggingface"`;
  const stages = `  stage turned = ${method} of model\n  report apart_at_most(model, turned, text.test, 48)${save}`;
  const { reports } = await runText(source(stages), model, texts, out);
  return reports[0]?.value ?? Number.NaN;
}

const failure = (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => "",
    (error: Error) => error.message,
  );

/** The greatest number of a matrix beside the root of its mean square. */
const peak = (w: ArrayLike<number>): number => {
  const all = Array.from(w, Math.abs);
  return Math.max(...all) / Math.sqrt(all.reduce((sum, x) => sum + x * x, 0) / all.length);
};

suite("recipe: rotations", ({ test }) => {
  test("Hadamard matrices are orthogonal, and of numbers of one size", () => {
    for (const size of [1, 2, 3 * 4, 20, 28, 36, 64, 96]) {
      const products = run(
        `import { hadamard } from "std/hadamard"
fn f(a: f32[row: ${size}]) {
  let h = hadamard(over row)
  let gram = sum(h * rename(h, column -> other), over row)
  let far = max(abs(gram - f32(index(column: ${size}) == index(other: ${size}))), over (column, other))
  let even = max(abs(abs(h) * sqrt(${size}) - 1), over (row, column))
  max(far, even) < 1e-5
}`,
      );
      assert.is(products, "bool 1", `${size}`);
    }
  });

  for (const name of ["qwen2", "qwen3", "phi3"])
    test(
      `${name}: the logits of a rotated model are those of the model`,
      inFolder(async (folder) => {
        writeRecorded(join(folder, "model"), name);
        const far = await distance(join(folder, "model"), "quarot()");
        assert.ok(far < 1e-4, `${far}`);
      }),
    );

  for (const name of ["gpt2", "gemma2", "gemma3", "olmo2"])
    test(
      `${name}: heads are rotated, and what passes through is not`,
      inFolder(async (folder) => {
        const model = join(folder, "model");
        writeRecorded(model, name);
        const far = await distance(model, "heads()");
        assert.ok(far < 1e-4, `${far}`);
        const said = await failure(distance(model, "quarot()"));
        assert.match(said, /^`input` cannot be rotated along `model` in this architecture/);
      }),
    );

  test(
    "llama with biases: every tensor is turned, gains are 1, and the head is a layer of its own",
    inFolder(async (folder) => {
      const [model, out] = [join(folder, "model"), join(folder, "out")];
      await writeDecoder(model, { config: biased });
      const far = await distance(model, "shifted()", out);
      assert.ok(far < 1e-4, `${far}`);
      const [given, made] = [await readDecoder(model), await readDecoder(out)];
      assert.is((await openCheckpoint(out)).config["tie_word_embeddings"], false);
      const n = given.config.hidden_size;
      const of = (name: string): Float64Array => given.tensors.get(name) as Float64Array;
      const columns = (w: Float64Array, gain: Float64Array | null): number[] =>
        Array.from(w, (_, i) => {
          const from = (i + n - 1) % n;
          return Math.fround((w[i - (i % n) + from] as number) * (gain?.[from] ?? 1));
        });
      const rows = (w: Float64Array): number[] =>
        Array.from(w, (_, i) => w[(i + w.length - w.length / n) % w.length] as number);
      const gain = (name: string, path: string): Float64Array =>
        of(`${name.replace(/(self_attn|mlp)\..*/, "")}${path}_layernorm.weight`);
      const kinds: readonly (readonly [of: RegExp, expected: (name: string) => ArrayLike<number>])[] = [
        [/norm/, () => Array.from({ length: n }, () => 1)],
        [/(o|down)_proj/, (name) => rows(of(name))],
        [/bias/, of],
        [/lm_head/, () => columns(of("model.embed_tokens.weight"), of("model.norm.weight"))],
        [/embed/, (name) => columns(of(name), null)],
        [/mlp/, (name) => columns(of(name), gain(name, "post_attention"))],
        [/self_attn/, (name) => columns(of(name), gain(name, "input"))],
      ];
      const expected = (name: string): ArrayLike<number> => kinds.find(([kind]) => kind.test(name))?.[1](name) ?? [];
      assert.is(made.tensors.size, given.tensors.size + 1);
      for (const [name, w] of made.tensors) assert.equal([...w], [...Array.from(expected(name))], name);
    }),
    "swiftshader",
  );

  test(
    "each block may turn its heads in its own way, and not what passes through",
    inFolder(async (folder) => {
      await writeDecoder(folder);
      const far = await distance(folder, "apart()");
      assert.ok(far < 1e-4, `${far}`);
      const own = source("  stage turned = each() of model").replace(
        "/// How far",
        `method each() on block(input: f32[sample, token, model]) {
  rotate input by hadamard(over model) * (1 where index(layer) >= 0)
}

/// How far`,
      );
      assert.equal(problems(own), ["not-supported"]);
    }),
  );

  test(
    "a matrix that is not orthogonal ends the run",
    inFolder(async (folder) => {
      await writeDecoder(folder);
      const said = await failure(distance(folder, "askew()"));
      assert.match(said, /^stage turned: the matrix by which `input` is rotated is not orthogonal: 32 products/);
    }),
  );

  test(
    "outliers fall",
    inFolder(async (folder) => {
      const [model, loud, out] = ["model", "loud", "out"].map((name) => join(folder, name)) as [string, string, string];
      await writeDecoder(model, { config: { hidden_size: 64 } });
      const saved = (method: string, layers: string): string =>
        source(`  stage other = ${method} of model${layers}\n  save other as "huggingface"`);
      await runText(saved("outlying()", " for q, k, v, gate, up"), model, texts, loud);
      await runText(saved("quarot()", ""), loud, texts, out);
      const [given, made] = [await readDecoder(loud), await readDecoder(out)];
      for (const [name, w] of given.tensors) {
        if (!/(q|k|v|gate|up)_proj/.test(name)) continue;
        const [before, after] = [peak(w), peak(made.tensors.get(name) ?? [])];
        assert.ok(before > 6 && after < 6, `${name}: ${before} to ${after}`);
      }
    }),
  );

  test(
    "SliceGPT: a model that fills a part of its width computes what it did in that width",
    inFolder(async (folder) => {
      const [model, out] = [join(folder, "model"), join(folder, "out")];
      await writeDecoder(model);
      const stages = `  let some = text.train.sample(3, length: 16, seed: 0)
  stage read = read_less() of model for embed
  stage flat = made_less() of read for o, down
  stage small = slicegpt(75%) of flat over some
  report apart_at_most(flat, small, text.test, 48), apart_at_most(flat, model, text.test, 48)
  save small as "huggingface"`;
      const { reports } = await runText(source(stages), model, texts, out);
      const [far = NaN, other = 0] = reports.map(({ value }) => value);
      assert.ok(far < 2e-4 && other > 0.1, `${far}, ${other}`);
      const { config, tensors } = await openCheckpoint(out);
      assert.equal([config["hidden_size"], config["head_dim"]], [24, 8]);
      assert.equal(tensors.get("lm_head.weight")?.shape, [1024, 24]);
    }),
  );

  test("a rotation needs no text, and turns each tensor once", () => {
    const { steps, typed } = bound(source("  stage turned = quarot() of model"));
    const changed = steps.flatMap(({ part }) => part.changes?.tensor ?? []);
    assert.is(new Set(changed).size, changed.length);
    assert.is(typed.stages[0]?.type?.facts?.tensors.has("lm_head.weight"), true);
  });

  test("the device is given back", closeTokens);
});
