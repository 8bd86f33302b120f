/** What structured pruning keeps, and what is left of a model by it, against NumPy (test/peers/structured.py). */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadRecipe, plan } from "../../compiler/compile.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { type Checkpoint, openCheckpoint } from "../../runtime/io/checkpoint.ts";
import type { StoredTensor } from "../../runtime/io/safetensors.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, writeFolder } from "../io/folder.ts";
import { readWeight } from "../io/tensors.ts";
import { hostWith } from "../language/run.ts";
import { root } from "../repository/sources.ts";
import { runOnTokens } from "../run/tokens.ts";

interface Cut {
  readonly count: number;
  readonly choices: readonly { readonly kept: string }[];
  readonly nll: number;
}

interface Recorded {
  readonly tokens: readonly number[];
  readonly sample: { readonly count: number; readonly length: number; readonly seed: number };
  readonly test: readonly number[];
  readonly influence: {
    readonly cuts: readonly { readonly layers: number; readonly kept: string; readonly nll: number }[];
  };
  readonly distance: {
    readonly cuts: readonly { readonly drop: number; readonly start: number; readonly nll: number }[];
  };
  readonly width: { readonly mlp: readonly Cut[]; readonly kv: readonly Cut[]; readonly model: readonly Cut[] };
  /** What goes leaves its mean behind, in biases. */
  readonly flap?: { readonly mlp: readonly Cut[]; readonly kv: readonly Cut[] };
  /** Cut to the first counts of each. */
  readonly "all three": { readonly nll: number };
}

const { models }: { readonly models: Readonly<Record<string, Recorded>> } = JSON.parse(
  readFileSync(join(root, "test/peers/structured.json"), "utf8"),
);

const folders: Readonly<Record<string, string>> = {
  tiny: join(root, "examples/tiny"),
  babyllama361: join(root, "../shared/models/babyllama361"),
  // Made by ../shared/tools/real_models.py, and asked for by name: it takes minutes.
  ...(process.env["LCOMP_SMOLLM2"] ? { smollm2: process.env["LCOMP_SMOLLM2"] } : {}),
};

const device = await openDevice();

/** The mean loss of what a method leaves of a model, which is saved in the folder. */
async function cutWith(
  method: string,
  from: Checkpoint,
  { tokens, sample, test }: Pick<Recorded, "tokens" | "sample" | "test">,
  out: string,
): Promise<number> {
  const { count, length, seed } = sample;
  const source = `import { angular } from "std/prune/angular"
import { flap } from "std/prune/flap"
import { shortgpt } from "std/prune/shortgpt"
import { minitron_width } from "std/prune/minitron"
import { mean_nll } from "std/evaluate"
recipe cut(model: Model, text: Corpus) {
  stage small = ${method} of model over text.train.sample(${count}, length: ${length}, seed: ${seed})
  report mean_nll(small, text.test, ${test.length / 2})
  save small as "huggingface"
}`;
  const loaded = loadRecipe(hostWith({ "own.lcomp": source }), "own.lcomp");
  const facts = { name: from.folder, config: from.config, tensors: from.tensors };
  const counts = { tokens: { train: tokens.length, test: test.length } };
  const inputs = { parameters: new Map(), models: new Map([["model", facts]]), corpora: new Map([["text", counts]]) };
  const made = plan(loaded, inputs, device.facts);
  const text = { train: tokens, test };
  const { reports } = await writeFolder(out, (output) => runOnTokens(device, made, from, text, output));
  return reports[0]?.value ?? Number.NaN;
}

/** Which of the rows are left, in order: `1` or `0` for each. */
function keptOf(rows: readonly string[], left: readonly string[]): string {
  let next = 0;
  let kept = "";
  for (const row of rows) {
    const isKept = row === left[next];
    if (isKept) next++;
    kept += isKept ? "1" : "0";
  }
  assert.is(next, left.length, "rows that are none of the model's, or in another order");
  return kept;
}

const rowsOf = async ({ tensors }: Checkpoint, name: string, count: number): Promise<readonly string[]> => {
  const values = await readWeight(tensors.get(name) as StoredTensor);
  const width = values.length / count;
  return Array.from({ length: count }, (_, i) => values.subarray(i * width, (i + 1) * width).join(" "));
};

/** The columns of a matrix, each as a text. */
async function columnsOf(of: Checkpoint, name: string, count: number): Promise<readonly string[]> {
  const values = await readWeight(of.tensors.get(name) as StoredTensor);
  return Array.from({ length: count }, (_, i) => values.filter((_, at) => at % count === i).join(" "));
}

const isNear = (found: number, recorded: number): boolean => Math.abs(found - recorded) < 2e-5;

suite("structured pruning: config.json", ({ test }) => {
  const example = join(root, "examples/tiny");
  const own = `"rope_parameters": {"rope_theta": 1E4, "rope_type": "default", "num_hidden_layers": 9007199254740993},
 "layer_types": ["full_attention", "full_attention",\n  "full_attention", "full_attention"],
 "_name_or_path": "./models/tiny", "logit_softcapping": 30.0, "floor": -Infinity`;
  const given = readFileSync(join(example, "config.json"), "utf8").replace('"rope_theta": 10000.0', own);

  test(
    "what a stage cuts is all that changes in it",
    inFolder(async (folder) => {
      for (const name of ["model.safetensors", "tokenizer.json"]) copyFileSync(join(example, name), join(folder, name));
      writeFileSync(join(folder, "config.json"), given);
      const from = await openCheckpoint(folder);
      const recorded = { tokens: [1, 2, 3, 4], sample: { count: 1, length: 4, seed: 0 }, test: [1, 2, 3, 4] };
      const cut = async (method: string): Promise<string> => {
        await cutWith(method, from, recorded, join(folder, method));
        return readFileSync(join(folder, method, "config.json"), "utf8");
      };
      const moved = given.replace("./models/tiny", "");
      const wide = await cut("minitron_width(mlp: 64, model: 96, multiple: 1)");
      assert.is(wide, moved.replace('"hidden_size": 128', '"hidden_size": 96').replace(": 384", ": 64"));
      const deep = await cut("shortgpt(drop: 2)");
      const types = ',\n  "full_attention", "full_attention"]';
      assert.is(deep, moved.replace('"num_hidden_layers": 4', '"num_hidden_layers": 2').replace(types, "]"));
    }),
  );
});

for (const [name, folder] of Object.entries(folders))
  suite(`structured pruning of ${name}`, ({ test, skip }) => {
    const recorded = models[name];
    if (recorded === undefined || !existsSync(folder)) {
      skip("keep-sets and losses", "../shared is absent");
      return;
    }
    const size = (of: Checkpoint, field: string): number => Number(of.config[field]);
    const blocks = recorded.influence.cuts[0]?.kept.length ?? 0;
    const cuts = [
      ...recorded.influence.cuts.map(({ layers, ...cut }) => ({
        ...cut,
        method: `shortgpt(drop: ${blocks - layers})`,
      })),
      ...recorded.distance.cuts.map(({ drop, start, nll }) => {
        const kept = "1".repeat(start) + "0".repeat(drop) + "1".repeat(blocks - start - drop);
        return { kept, nll, method: `angular(drop: ${drop})` };
      }),
    ];
    for (const { method, kept, nll } of cuts)
      test(
        `${method} keeps ${kept}`,
        inFolder(async (out) => {
          const from = await openCheckpoint(folder);
          const found = await cutWith(method, from, recorded, join(out, "cut"));
          const made = await openCheckpoint(join(out, "cut"));
          const block = async (of: Checkpoint, i: number) =>
            (await rowsOf(of, `model.layers.${i}.mlp.up_proj.weight`, 1))[0] ?? "";
          const blocksOf = (of: Checkpoint) =>
            Promise.all(Array.from({ length: size(of, "num_hidden_layers") }, (_, i) => block(of, i)));
          assert.is(keptOf(await blocksOf(from), await blocksOf(made)), kept);
          assert.ok(isNear(found, nll), `${found} for ${nll}`);
        }),
      );
    test(
      "Minitron cuts all three dimensions at once",
      inFolder(async (out) => {
        const { mlp, kv, model } = recorded.width;
        const counts = `mlp: ${mlp[0]?.count}, kv: ${kv[0]?.count}, model: ${model[0]?.count}`;
        const from = await openCheckpoint(folder);
        const found = await cutWith(`minitron_width(${counts}, multiple: 1)`, from, recorded, join(out, "cut"));
        const { nll } = recorded["all three"];
        assert.ok(isNear(found, nll), `${found} for ${nll}`);
      }),
    );
    const ofWidth = (["mlp", "kv", "model"] as const).flatMap((dim) =>
      recorded.width[dim].map((cut) => ({ method: "minitron_width", dim, ...cut })),
    );
    const { flap = { mlp: [], kv: [] } } = recorded;
    const ofFluctuation = (["mlp", "kv"] as const).flatMap((dim) =>
      flap[dim].map((cut) => ({ method: "flap", dim, ...cut })),
    );
    for (const { method, dim, count, choices, nll } of [...ofWidth, ...ofFluctuation])
      test(
        `${method} keeps ${count} of ${dim}`,
        inFolder(async (out) => {
          const from = await openCheckpoint(folder);
          const found = await cutWith(`${method}(${dim}: ${count}, multiple: 1)`, from, recorded, join(out, "cut"));
          const made = await openCheckpoint(join(out, "cut"));
          const of = { mlp: "intermediate_size", kv: "num_key_value_heads", model: "hidden_size" }[dim];
          const tensor = (layer: number): string =>
            ({
              mlp: `model.layers.${layer}.mlp.up_proj.weight`,
              kv: `model.layers.${layer}.self_attn.k_proj.weight`,
              model: "model.embed_tokens.weight",
            })[dim];
          const places = dim === "model" ? columnsOf : rowsOf;
          for (const [layer, { kept }] of choices.entries()) {
            const [before, after] = await Promise.all(
              [from, made].map((each) => places(each, tensor(layer), size(each, of))),
            );
            assert.is(keptOf(before ?? [], after ?? []), kept, `layer ${layer}`);
          }
          assert.ok(isNear(found, nll), `${found} for ${nll}`);
        }),
      );
  });
