/** Methods that the library does not have, in files of their own, run end to end against models in plain float64. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadCorpus, sample } from "../../runtime/io/corpus.ts";
import { loadTokenizer } from "../../runtime/io/tokenizer.ts";
import { lcomp, main } from "../cli/lcomp.ts";
import { biased, someText, type Variant, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";
import { type Decoder, pass, readDecoder } from "../run/decoder.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";
import { listed } from "../run/windows.ts";
import { keep, type Matrix, type Model, zoo } from "./methods-zoo.ts";

const tiny = join(root, "examples/tiny");
const linears = ["q", "k", "v", "o"].map((name) => `self_attn.${name}_proj`);
const paths = [...linears, ...["gate", "up", "down"].map((name) => `mlp.${name}_proj`)];

const matrixOf = ({ tensors }: Decoder, path: string, width: number): Matrix => {
  const flat = tensors.get(`${path}.weight`) as Float64Array;
  return Array.from({ length: flat.length / width }, (_, o) => flat.slice(o * width, (o + 1) * width));
};

/** The windows that a recipe draws with `sample(2, length: …, seed: 7)`. */
async function drawn(model: string, text: string, length: number): Promise<readonly Int32Array[]> {
  return listed(sample(await loadCorpus(text, "train", await loadTokenizer(model)), 2, length, 7));
}

/**
 * Compares every matrix of a result with what the method's model makes of the original: the inputs of a block are those behind
 * the compressed blocks before it, or behind the original ones.
 */
function compare(
  given: Decoder,
  made: Decoder,
  windows: readonly Int32Array[],
  gives: Model,
  {
    propagate = "compressed",
    chosen,
  }: { readonly propagate?: "compressed" | "dense"; readonly chosen: readonly string[] },
): void {
  let [equal, count] = [0, 0];
  const inputs = inputsOf(given, propagate === "dense" ? given : made, windows);
  for (const path of chosen) {
    const x = inputs(path);
    const width = x[0]?.[0]?.length ?? 0;
    const expected = gives(matrixOf(given, path, width), x).flatMap((row) => [...row]);
    const found = matrixOf(made, path, width).flatMap((row) => [...row]);
    const tolerance = 1e-5 * Math.max(...expected.map(Math.abs));
    count += found.length;
    equal += found.filter((value, i) => Math.abs(value - (expected[i] ?? NaN)) <= tolerance).length;
  }
  // Near ties may fall either way in f32.
  assert.ok(equal >= 0.999 * count, `${equal} of ${count} weights are as they must be`);
}

/** What goes into a layer, window by window, when its block is as it was given and those before it are of the other model. */
function inputsOf(
  given: Decoder,
  before: Decoder,
  windows: readonly Int32Array[],
): (path: string) => readonly Matrix[] {
  const passes = new Map<string, readonly ReturnType<typeof pass>[]>();
  return (path) => {
    const block = /^model\.layers\.\d+\./.exec(path)?.[0] ?? "";
    const own = [...given.tensors].filter(([name]) => block !== "" && name.startsWith(block));
    const seen = { ...before, tensors: new Map([...before.tensors, ...own]) };
    const found = passes.get(block) ?? windows.map((ids) => pass(seen, ids));
    passes.set(block, found);
    return found.map((each) => each.inputs.get(path) as Matrix);
  };
}

const recipe = (call: string, selector: string): string => `import { mine } from "./mine.lcomp"

recipe trial(model: Model, text: Corpus) {
  let some = text.train.sample(2, length: 24, seed: 7)
  stage small = ${call} of model over some ${selector}
  save small as "huggingface"
}
`;

const inBlocks = (layers: number): readonly string[] =>
  Array.from({ length: layers }, (_, layer) => paths.map((path) => `model.layers.${layer}.${path}`)).flat();

/** Runs a method on a small model and compares the result with its model. */
async function tried(
  folder: string,
  files: Readonly<Record<string, string>>,
  gives: Model,
  { variant = {}, ...options }: { readonly variant?: Variant } & Partial<Parameters<typeof compare>[4]> = {},
): Promise<void> {
  const [model, text, out] = ["model", "text.jsonl", "out"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeDecoder(model, variant);
  writeFileSync(text, someText(6));
  writeFiles(folder, files);
  await runRecipe(join(folder, "recipe.lcomp"), { model, text }, out);
  const [given, made] = [await readDecoder(model), await readDecoder(out)];
  compare(given, made, await drawn(model, text, 24), gives, { chosen: inBlocks(2), ...options });
}

const ria = `import { keep_best } from "std/prune/mask"

/// Relative importance and activations. Zhang et al., 2024
method ria(sparsity: Sparsity = 50%) on linear(w: f32[out, in], x: f32[sample, token, in]) from compressed {
  observe power = sum(x^2, over (sample, token))
  let share = abs(w) / sum(abs(w), over in) + abs(w) / sum(abs(w), over out)
  keep_best(w, share * sqrt(power), sparsity, over in)
}
`;

const riaRecipe = `import { ria } from "./methods/ria.lcomp"
import { mean_nll } from "std/evaluate"

recipe relative(model: Model, text: Corpus, sparsity: Sparsity = 50%) {
  let some = text.train.sample(2, length: 48, seed: 7)
  stage small = ria(sparsity) of model over some for linear except lm_head
  report mean_nll(model, text.test, 64), mean_nll(small, text.test, 64)
  save small as "huggingface"
}
`;

const riaModel: Model = (w, windows) => {
  const width = w[0]?.length ?? 0;
  const inRow = w.map((row) => row.reduce((sum, value) => sum + Math.abs(value), 0));
  const inColumn = Array.from({ length: width }, (_, i) => w.reduce((sum, row) => sum + Math.abs(row[i] ?? NaN), 0));
  const power = inColumn.map((_, i) => windows.flat().reduce((sum, row) => sum + (row[i] ?? NaN) ** 2, 0));
  const score = w.map((row, o) =>
    row.map(
      (value, i) => Math.abs(value) * (1 / (inRow[o] ?? NaN) + 1 / (inColumn[i] ?? NaN)) * Math.sqrt(power[i] ?? NaN),
    ),
  );
  return keep(w, score, (o, i) => o * width + Math.floor(i / 4), 2);
};

suite("methods: one that is not in the library", ({ test }) => {
  test(
    "RIA, in at most 20 lines, runs from its own files and gives what its paper says",
    inFolder(async (folder) => {
      assert.ok(ria.trimEnd().split("\n").length <= 20);
      writeFiles(folder, {
        "recipes/methods/ria.lcomp": ria,
        "recipes/relative.lcomp": riaRecipe,
        "text.jsonl": someText(20),
      });
      const args = ["run", "recipes/relative.lcomp", "--model", tiny, "--text", "text.jsonl", "--sparsity", "2:4"];
      const { status, stdout, stderr } = lcomp(folder, [...args, "--out", "out", "--json", "--quiet"], { entry: main });
      assert.is(status, 0, stderr);
      const { measures, zeros } = JSON.parse(stdout);
      assert.ok(measures.mean_nll.small > measures.mean_nll.model && measures.mean_nll.small < 2, stdout);
      assert.ok(Math.abs(zeros.small.all - 0.5) < 0.002, stdout);
      const windows = await drawn(tiny, join(folder, "text.jsonl"), 48);
      const [given, made] = [await readDecoder(tiny), await readDecoder(join(folder, "out"))];
      compare(given, made, windows, riaModel, { chosen: inBlocks(4) });
    }),
    "swiftshader",
  );
});

suite("methods: others", ({ test }) => {
  for (const [name, { method, call = "mine()", gives }] of Object.entries(zoo)) {
    test(
      name,
      inFolder((folder) =>
        tried(folder, { "mine.lcomp": method, "recipe.lcomp": recipe(call, "for linear except lm_head") }, gives),
      ),
    );
  }
});

const half: Model = (w, windows) => {
  const power = windows
    .flat()
    .reduce((sums, row) => sums.map((sum, i) => sum + (row[i] ?? NaN) ** 2), new Float64Array(w[0]?.length ?? 0));
  const score = w.map((row) => row.map((value, i) => Math.abs(value) * Math.sqrt(power[i] ?? NaN)));
  return keep(w, score, (o) => o, (w[0]?.length ?? 0) / 2);
};
const mine = (from: string): string => `import { keep_best } from "std/prune/mask"
method mine() on linear(w: f32[out, in], x: f32[sample, token, in]) ${from} {
  observe power = sum(x^2, over (sample, token))
  keep_best(w, abs(w) * sqrt(power), 50%, over in)
}
`;

const loudRows = `import { keep_best } from "std/prune/mask"
method mine() on linear(w: f32[out, in], x: f32[sample, token, in]) {
  observe energy = norm(sum(w * x, over in), over (sample, token))
  keep_best(w, abs(w) * energy, 50%, over out)
}
`;
const loudRowsModel: Model = (w, windows) => {
  const made = (row: Float64Array) => windows.flat().map((x) => x.reduce((sum, v, i) => sum + v * (row[i] ?? NaN), 0));
  const energy = w.map((row) => Math.hypot(...made(row)));
  const score = w.map((row, o) => row.map((value) => Math.abs(value) * (energy[o] ?? NaN)));
  return keep(w, score, (_, i) => i, w.length / 2);
};

suite("methods: where and on what", ({ test }) => {
  test(
    "from dense, later blocks see what the original ones give",
    inFolder((folder) =>
      tried(
        folder,
        { "mine.lcomp": mine("from dense"), "recipe.lcomp": recipe("mine()", "for linear except lm_head") },
        half,
        { propagate: "dense" },
      ),
    ),
  );

  test(
    "a head of its own is a layer like any other, behind the compressed blocks",
    inFolder((folder) =>
      tried(folder, { "mine.lcomp": mine("from compressed"), "recipe.lcomp": recipe("mine()", "for linear") }, half, {
        variant: { isUntied: true, dtype: "BF16" },
        chosen: [...inBlocks(2), "lm_head"],
      }),
    ),
  );

  test(
    "biases, f16 and shards make no difference",
    inFolder((folder) =>
      tried(
        folder,
        { "mine.lcomp": mine(""), "recipe.lcomp": recipe("mine()", "for gate, up, self_attn.*, layer[1].down") },
        half,
        {
          variant: { config: biased, shards: 3, dtype: "F16" },
          chosen: inBlocks(2).filter((path) => path !== "model.layers.0.mlp.down_proj"),
        },
      ),
    ),
  );

  test(
    "an observation reads the weight of its layer as it is stored, with the blocks before it as they were compressed",
    inFolder((folder) =>
      tried(folder, { "mine.lcomp": loudRows, "recipe.lcomp": recipe("mine()", "for linear") }, loudRowsModel, {
        variant: { config: biased, isUntied: true, dtype: "F16" },
        chosen: [...inBlocks(2), "lm_head"],
      }),
    ),
  );

  test(
    "a second stage works on what the first has left; without a text no tokenizer is needed",
    inFolder(async (folder) => {
      const model = join(folder, "model");
      await writeDecoder(model);
      writeFiles(folder, {
        "recipe.lcomp": `import { magnitude_rows } from "std/prune/magnitude"
method scaled(by: Float) on linear(w: f32[out, in]) { by * w }
recipe twice(model: Model) {
  stage first = magnitude_rows(50%) of model for mlp.* except layer[0]
  stage second = scaled(2) of first for layer[1].gate, layer[0 .. 1].up
  save second as "huggingface"
}
`,
      });
      rmSync(join(model, "tokenizer.json"));
      await runRecipe(join(folder, "recipe.lcomp"), { model }, join(folder, "out"));
      const [given, made] = [await readDecoder(model), await readDecoder(join(folder, "out"))];
      const halved = (w: Matrix): Matrix =>
        keep(
          w,
          w.map((row) => row.map(Math.abs)),
          (o) => o,
          (w[0]?.length ?? 0) / 2,
        );
      const doubled = (w: Matrix): Matrix => w.map((row) => row.map((value) => 2 * value));
      const expected: Readonly<Record<string, (w: Matrix) => Matrix>> = {
        "model.layers.0.mlp.up_proj": doubled,
        "model.layers.1.mlp.gate_proj": (w) => doubled(halved(w)),
        "model.layers.1.mlp.up_proj": halved,
        "model.layers.1.mlp.down_proj": halved,
      };
      for (const path of inBlocks(2)) {
        const width = path.endsWith("down_proj") ? 48 : 32;
        const w = matrixOf(given, path, width);
        assert.equal(matrixOf(made, path, width), expected[path]?.(w) ?? w, path);
      }
    }),
  );

  test("the device closes", closeDevice);
});
