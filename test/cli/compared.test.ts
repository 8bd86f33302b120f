/** What is found of a result layer by layer, unasked, beside what recipes measure and numbers that are computed here. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { plan } from "../../compiler/compile.ts";
import { translated } from "../../runtime/cli/host.ts";
import { openModel } from "../../runtime/cli/models.ts";
import { openRecipe, readRecipe, readTexts } from "../../runtime/cli/recipe.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { OutputFolder } from "../../runtime/io/output-folder.ts";
import type { StoredTensor } from "../../runtime/io/safetensors.ts";
import type { ComparedResult, RunResult } from "../../runtime/run/result.ts";
import { runPlan } from "../../runtime/run/run-plan.ts";
import { biased, someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readWeight } from "../io/tensors.ts";
import { writeFiles } from "../run/recipe.ts";

const recipe = (statements: string): string => `
import { magnitude } from "std/prune/magnitude"
import { rtn } from "std/quantize/rtn"
import { quarot } from "std/rotate/quarot"
import { mean_kl, mean_nll } from "std/evaluate"
recipe few(model: Model, text: Corpus) {
  let few = text.test.first(8)
${statements}
}
`;

interface Ran {
  readonly result: RunResult;
  /** Token ids of the text's test part. */
  readonly tokens: Int32Array;
  /** A weight of the result, while that is there. */
  readonly weight: (name: string) => Promise<Float32Array>;
}

const read = (tensors: ReadonlyMap<string, StoredTensor>, name: string): Promise<Float32Array> => {
  const tensor = tensors.get(name);
  assert.ok(tensor, name);
  return readWeight(tensor);
};

/** Runs a recipe on the model of a folder, and looks at what it found. */
async function ran(folder: string, statements: string, look: (ran: Ran) => Promise<void>): Promise<void> {
  writeFiles(folder, { "few.lcomp": recipe(statements), "text.jsonl": someText(60) });
  const flags = { model: join(folder, "model"), text: join(folder, "text.jsonl") };
  const open = await openRecipe(readRecipe(join(folder, "few.lcomp")), flags);
  const { corpora, inputs } = await readTexts(open, flags);
  const device = await openDevice();
  const output = new OutputFolder(join(folder, "out"));
  try {
    const made = translated(open.shown, () => plan(open.loaded, inputs, device.facts));
    const given = { device, models: open.models, corpora, output, openSaved: openModel, progress: () => undefined };
    const result = await runPlan(made, { ...given, signal: new AbortController().signal });
    const { tensors } = await openModel(output.partial);
    const tokens = corpora.get("text")?.test ?? new Int32Array();
    await look({ result, tokens, weight: (name) => read(tensors, name) });
  } finally {
    output.abort();
    device.close();
  }
}

const found = ({ compared }: RunResult, measure: string, model = "small"): ComparedResult => {
  const all = compared.filter(({ of }) => of?.measure === measure && of.model === model);
  assert.is(all.length, 1, `${measure} of ${model}`);
  return all[0] as ComparedResult;
};

const reported = ({ reports }: RunResult, text: string): number =>
  reports.find((each) => each.text === text)?.value ?? Number.NaN;

function near(a: number | undefined, b: number, tolerance = 1e-5): void {
  assert.ok(a !== undefined && Math.abs(a - b) <= tolerance * Math.abs(b), `${a} is not ${b}`);
}

/** What enters q, k and v of the first block for each token: the embedding's row by its root mean square, times the gain. */
function entering(tokens: Int32Array, embedding: Float32Array, gain: Float32Array): readonly Float64Array[] {
  const size = gain.length;
  return Array.from(tokens, (token) => {
    const row = Float64Array.from(embedding.subarray(token * size, (token + 1) * size));
    const root = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / size + 1e-5);
    return row.map((x, i) => (x / root) * (gain[i] ?? 0));
  });
}

/** The squares of what a matrix [out, in] and a bias make of all inputs. */
function squares(inputs: readonly Float64Array[], matrix: Float64Array, bias: Float32Array | null): number {
  let sum = 0;
  for (const x of inputs)
    for (let row = 0; row < matrix.length / x.length; row++)
      sum += x.reduce((dot, each, i) => dot + each * (matrix[row * x.length + i] ?? 0), bias?.[row] ?? 0) ** 2;
  return sum;
}

suite("compared layer by layer", ({ test }) => {
  test(
    "the error of outputs is that of matrices on what enters them, and curves go through what recipes measure",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config: biased });
      const { tensors } = await openModel(join(folder, "model"));
      const statements = `
  stage first = magnitude(50%) of model for layer[0 .. 1].*
  stage small = magnitude(50%) of model for linear except lm_head
  report mean_nll(model, few, 64), mean_nll(first, few, 64), mean_nll(small, few, 64)
  report mean_kl(model, first, few, 64), mean_kl(model, small, few, 64)
  save small as "huggingface"`;
      await ran(folder, statements, async ({ result, tokens, weight }) => {
        const [loss, kl] = [found(result, "loss"), found(result, "kl")];
        assert.equal([loss.with, kl.at], ["model", [null, 0, 1].map((layer) => ({ layer, what: "" }))]);
        for (const [i, model] of ["model", "first", "small"].entries())
          near(loss.values[i], reported(result, `mean_nll(${model}, few, 64)`));
        assert.is(kl.values[0], 0);
        for (const [i, model] of ["first", "small"].entries())
          near(kl.values[i + 1], reported(result, `mean_kl(model, ${model}, few, 64)`));
        const errors = found(result, "output_error");
        const names = ["q", "k", "v", "o", "gate", "up", "down"];
        assert.equal(
          errors.at,
          [0, 1].flatMap((layer) => names.map((what) => ({ layer, what }))),
        );
        assert.ok(!result.compared.some(({ of }) => of?.model === "first"), "what is not saved is not compared");
        const gain = await read(tensors, "model.layers.0.input_layernorm.weight");
        const inputs = entering(tokens.subarray(0, 512), await read(tensors, "model.embed_tokens.weight"), gain);
        for (const [i, name] of ["q", "k", "v"].entries()) {
          const path = `model.layers.0.self_attn.${name}_proj`;
          const [before, after] = [await read(tensors, `${path}.weight`), await weight(`${path}.weight`)];
          const change = Float64Array.from(before, (w, at) => (after[at] ?? 0) - w);
          const whole = squares(inputs, Float64Array.from(before), await read(tensors, `${path}.bias`));
          near(errors.values[i], squares(inputs, change, null) / whole, 1e-4);
        }
      });
    }),
  );

  test(
    "codes of a model that was turned are compared with that, the head too, codes of a table with it, and what is turned last with nothing",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { isUntied: true });
      const turned = "  stage turned = quarot() of model\n";
      const coded = `  stage small = rtn(4, every: 16) of turned
  report mean_kl(turned, small, few, 64)
  save small as "lcomp"`;
      await ran(folder, turned + coded, async ({ result }) => {
        const [kl, errors] = [found(result, "kl"), found(result, "output_error")];
        assert.equal([kl.with, errors.with], ["turned", "turned"]);
        near(kl.values.at(-1), reported(result, "mean_kl(turned, small, few, 64)"));
        assert.equal(errors.at.at(-1), { layer: null, what: "lm_head" });
        assert.ok(
          errors.values.every((value) => value > 0 && value < 0.05),
          errors.values.join(" "),
        );
      });
      const table = `  stage small = rtn(4, every: 16) of model for layer, embed
  report mean_kl(model, small, few, 64)
  save small as "lcomp"`;
      await ran(folder, table, async ({ result }) =>
        near(found(result, "kl").values.at(-1), reported(result, "mean_kl(model, small, few, 64)")),
      );
      const last = `  report mean_nll(turned, few, 64)\n  save turned as "huggingface"`;
      await ran(folder, turned + last, async ({ result }) => assert.equal(result.compared, []));
    }),
  );
});
