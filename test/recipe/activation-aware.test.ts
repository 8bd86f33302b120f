/** AWQ and SmoothQuant against their papers, written anew in float64: the scales that they find, and what becomes of all weights. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { sample } from "../../runtime/io/corpus.ts";
import { writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { type Decoder, pass, readDecoder } from "../run/decoder.ts";
import { closeTokens, runText } from "./on-tokens.ts";
import * as rules from "./rounding-rules.ts";

const recipe = (stage: string): string => `
import { awq, awq_clip, awq_scale } from "std/quantize/awq"
import { smoothquant } from "std/quantize/smoothquant"

/// Makes some channels loud.
method uneven() on readers(w: f32[out, in]) { { fold: 2^(-(index(in) % 7)) } }

/// Whether the library's search is a function that other methods may call.
method searched(bits: Int, every: Int) on readers(w: f32[out, in], x: f32[sample, token, in]) from dense {
  observe loud = mean(abs(x), over (sample, token))
  observe h = mean(x * rename(x, in -> in'), over (sample, token))
  { fold: awq_scale(w, h, loud, bits, every) }
}

recipe scaled(model: Model, text: Corpus) {
  let sample = text.train.sample(3, length: 24, seed: 5)
  stage made = ${stage} of model over sample for q, k, v, gate, up, down
  save made as "huggingface"
}
`;

const tokens = Int32Array.from({ length: 400 }, (_, i) => (i * i * 31 + 17 * i) % 1024);

/** Layers that read one activation, and what makes it: its gain, or a layer whose rows it is made of. */
const groups = [
  { readers: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], maker: "input_layernorm" },
  { readers: ["mlp.gate_proj", "mlp.up_proj"], maker: "post_attention_layernorm" },
  { readers: ["mlp.down_proj"], maker: "mlp.up_proj" },
];

type Matrix = readonly Float64Array[];

/** The scale of some layers, from the rows of their matrices and what they read, a row for each token. */
type Scale = (rows: Matrix, x: Matrix) => Float64Array;

/** A model whose activations have loud channels, in the folder, and what a stage makes of it. */
async function made(folder: string, stage: string): Promise<readonly [given: Decoder, made: Decoder]> {
  const [plain, model, out] = ["plain", "model", "out"].map((name) => join(folder, name)) as [string, string, string];
  await writeDecoder(plain, { config: { hidden_size: 32, intermediate_size: 48 } });
  const texts = { train: tokens };
  await runText(recipe("uneven()"), plain, texts, model);
  await runText(recipe(stage), model, texts, out);
  return [await readDecoder(model), await readDecoder(out)];
}

/** What the layers of a block read, a row for each token of the samples, by the path of the layer. */
function readIn(model: Decoder): (path: string) => Matrix {
  const drawn = sample({ path: "", tokens }, 3, 24, 5);
  const passes = Array.from({ length: drawn.length }, (_, i) => pass(model, drawn.at(i)));
  return (path) => passes.flatMap(({ inputs }) => inputs.get(path) ?? []);
}

/** All weights with the scales of each group in them. */
function folded(model: Decoder, scale: Scale): ReadonlyMap<string, Float64Array> {
  const tensors = new Map(model.tensors);
  const read = readIn(model);
  for (let layer = 0; layer < model.config.num_hidden_layers; layer++)
    for (const { readers, maker } of groups) {
      const at = (name: string): string => `model.layers.${layer}.${name}`;
      const x = read(at(readers[0] as string));
      const n = x[0]?.length ?? 0;
      const rows = readers.flatMap((name) => rowsOf(weight(model.tensors, at(name)), n));
      const s = scale(rows, x);
      const change = (name: string, factor: (i: number, all: number) => number): void => {
        const w = weight(tensors, at(name));
        const changed = w.map((value, i) => value * factor(i, w.length));
        tensors.set(`${at(name)}.weight`, changed);
      };
      for (const name of readers) change(name, (i) => s[i % n] ?? NaN);
      change(maker, (i, all) => 1 / (s[Math.floor((i * n) / all)] ?? NaN));
    }
  return tensors;
}

const weight = (tensors: ReadonlyMap<string, Float64Array>, path: string): Float64Array =>
  tensors.get(`${path}.weight`) ?? new Float64Array();

const rowsOf = (w: Float64Array, n: number): Matrix =>
  Array.from({ length: w.length / n }, (_, row) => w.subarray(row * n, (row + 1) * n));

/** What is made of each channel of all rows. */
const byChannel = (x: Matrix, of: (column: Float64Array) => number): Float64Array =>
  Float64Array.from(x[0] ?? [], (_, i) => of(Float64Array.from(x, (row) => row[i] ?? NaN)));

const greatest = (x: Float64Array): number => Math.max(...x.map(Math.abs));

/** The best of 20 powers of how loud channels are, by the squares of what rounding does to the outputs. */
const searched =
  (bits: number, every: number, isSymmetric = false): Scale =>
  (rows, x) => {
    const loud = byChannel(x, (column) => column.reduce((sum, value) => sum + Math.abs(value), 0) / column.length);
    const tried = Array.from({ length: 20 }, (_, k) => {
      const power = loud.map((value) => Math.max(value ** (k / 20), 1e-4));
      const middle = Math.sqrt(Math.max(...power) * Math.min(...power));
      const s = power.map((value) => value / middle);
      const errors = rows.map((row) => {
        const coded = rules.affine(bits, every, isSymmetric)(Float32Array.from(row, (w, i) => w * (s[i] ?? NaN)));
        return Float64Array.from(row, (w, i) => (coded[i] ?? NaN) / (s[i] ?? NaN) - w);
      });
      const loss = errors.reduce((sum, e) => sum + x.reduce((of, row) => of + dot(row, e) ** 2, 0), 0);
      return { k, s, loss };
    });
    const [best, second] = tried.toSorted((a, b) => a.loss - b.loss) as [(typeof tried)[0], (typeof tried)[0]];
    assert.ok(best.k > 0 && best.loss < 0.9 * (tried[0]?.loss ?? NaN), "the search changes nothing");
    assert.ok(second.loss > (1 + 1e-5) * best.loss, "two ratios are as good as each other");
    return best.s;
  };

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? NaN), 0);

/** A run of weights, limited to the best of 10 shares of the largest and rounded; `x` is what they multiply, a row for each token. */
function clipped(bits: number, isSymmetric: boolean, run: Float64Array, x: Matrix): readonly number[] {
  const most = Math.fround(greatest(run));
  const tried = Array.from({ length: 10 }, (_, k) => {
    const share = Math.fround(1 - Math.fround(k / 20));
    const limited = Float32Array.from(run, (w) => share * Math.min(Math.max(Math.fround(w / share), -most), most));
    const coded = rules.affine(bits, run.length, isSymmetric)(limited);
    const e = run.map((w, i) => (coded[i] ?? NaN) - w);
    return { coded, loss: x.reduce((sum, row) => sum + dot(row, e) ** 2, 0) };
  });
  return [...(tried.toSorted((a, b) => a.loss - b.loss)[0]?.coded ?? [])];
}

const smoothed =
  (alpha: number): Scale =>
  (rows, x) => {
    const wide = byChannel(rows, greatest);
    return byChannel(x, greatest).map((loud, i) => Math.max(loud ** alpha / (wide[i] ?? NaN) ** (1 - alpha), 1e-5));
  };

const cases: readonly (readonly [stage: string, scale: Scale])[] = [
  ["awq(3, every: 16)", searched(3, 16)],
  ["awq(4, every: 8)", searched(4, 8)],
  ["awq(4, every: 8, symmetric: true)", searched(4, 8, true)],
  ["searched(3, 16)", searched(3, 16)],
  ["smoothquant()", smoothed(0.5)],
  ["smoothquant(0.8)", smoothed(0.8)],
];

suite("recipe: activation-aware scales", ({ test }) => {
  for (const [stage, scale] of cases)
    test(
      `${stage} finds the scales of its paper`,
      inFolder(async (folder) => {
        const [model, found] = await made(folder, stage);
        for (const [name, expected] of folded(model, scale)) {
          const w = found.tensors.get(name) ?? new Float64Array();
          const far = expected.findIndex((x, i) => !(Math.abs(x - (w[i] ?? NaN)) <= 1e-4 * Math.abs(x) + 1e-7));
          assert.is(far, -1, `${name}[${far}] is ${w[far]}, not ${expected[far]}`);
        }
      }),
    );

  for (const isSymmetric of [false, true])
    test(
      `awq_clip limits each run of weights where that costs least${isSymmetric ? ", of symmetric grids" : ""}`,
      inFolder(async (folder) => {
        const [given, found] = await made(folder, `awq_clip(3, every: 16, symmetric: ${isSymmetric})`);
        const read = readIn(given);
        for (const path of ["self_attn.q_proj", "mlp.down_proj"].map((name) => `model.layers.1.${name}`)) {
          const [x, n] = [read(path), path.includes("down") ? 48 : 32];
          const runs = rowsOf(weight(given.tensors, path), 16);
          const codes = rowsOf(weight(found.tensors, path), 16);
          const far = runs.filter((run, i) => {
            const at = (16 * i) % n;
            const expected = clipped(
              3,
              isSymmetric,
              run,
              x.map((row) => row.subarray(at, at + 16)),
            );
            return !expected.every((value, k) => value === codes[i]?.[k]);
          });
          // Shares that cost the same but for rounding.
          assert.ok(far.length <= 0.01 * runs.length, `${far.length} of ${runs.length} runs of ${path}`);
        }
      }),
    );

  test("the device is given back", closeTokens);
});
