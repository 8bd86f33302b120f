/** What methods make of experts, which some tokens reach: masks of Wanda against PyTorch's (test/peers/mixtures.py). */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadRecipe, plan } from "../../compiler/compile.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { StoreFolder } from "../../runtime/store/store-folder.ts";
import { library } from "../given/library.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, writeFolder } from "../io/folder.ts";
import { readWeight } from "../io/tensors.ts";
import { hostWith } from "../language/run.ts";
import { type Families, type FamilyRow, shapesOf, tensorsOf } from "../model/families.ts";
import { fileBytes } from "../model/transformers.ts";
import { root } from "../repository/sources.ts";
import { runOnTokens } from "../run/tokens.ts";

interface Pruned extends Pick<FamilyRow, "family" | "config" | "tensors"> {
  readonly unreached: readonly (readonly [layer: number, expert: number])[];
  readonly nll: number;
  /** By tensor: a bit for each weight that stays, of bytes the greatest first. */
  readonly masks: { readonly [tensor: string]: string };
}

const record: Families & { readonly wanda: readonly Pruned[] } = JSON.parse(
  readFileSync(join(root, "test/peers/mixtures.json"), "utf8"),
);
const device = await openDevice();

const recipe = `import { wanda } from "std/prune/wanda"
import { mean_nll } from "std/evaluate"
recipe prune(model: Model, text: Corpus) {
  stage sparse = wanda(50%) of model over text.train.sample(1, length: ${record.tokens.length}) for linear except router, lm_head
  report mean_nll(sparse, text.test, ${record.length})
  save sparse as "huggingface"
}`;

/** What is left of a model by the recipe, and what is said on the way. */
async function prune(pruned: Pruned, folder: string, store: StoreFolder, name: string) {
  const config = { ...record.families[pruned.family]?.config, ...pruned.config };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "model.safetensors"), fileBytes(tensorsOf(shapesOf(record, pruned))));
  const from = await openCheckpoint(folder);
  const loaded = loadRecipe(hostWith({ "own.lcomp": recipe }), "own.lcomp");
  const facts = { name: folder, config: from.config, tensors: from.tensors };
  const tokens = { train: record.tokens.length, test: record.tokens.length };
  const inputs = {
    parameters: new Map(),
    models: new Map([["model", facts]]),
    corpora: new Map([["text", { tokens }]]),
  };
  const made = plan(loaded, { ...inputs, store: {} }, device.facts);
  const text = { train: record.tokens, test: record.tokens };
  const out = join(folder, name);
  const { reports, notes } = await writeFolder(out, (output) => runOnTokens(device, made, from, text, output, store));
  return { loss: reports[0]?.value ?? Number.NaN, notes, result: await openCheckpoint(out) };
}

/** Bytes that kernels of a block leave to others, of a Mixtral with so many experts, windows of 64 tokens and MLPs of 512 neurons. */
function scratchOf(experts: number): number {
  const sizes = { hidden_size: 32, intermediate_size: 512, num_hidden_layers: 1, num_local_experts: experts };
  const config = { ...record.families["mixtral"]?.config, ...sizes };
  const layer = "model.layers.0";
  const headers: Readonly<Record<string, readonly number[]>> = {
    ...Object.fromEntries(
      Object.entries(record.families["mixtral"]?.tensors ?? {}).filter(
        ([name]) => !/layers\.[12]|experts|moe.gate/.test(name),
      ),
    ),
    [`${layer}.block_sparse_moe.gate.weight`]: [experts, 32],
    ...Object.fromEntries(
      Array.from({ length: experts }, (_, expert) => `${layer}.block_sparse_moe.experts.${expert}`).flatMap((at) => [
        [`${at}.w1.weight`, [512, 32]],
        [`${at}.w3.weight`, [512, 32]],
        [`${at}.w2.weight`, [32, 512]],
      ]),
    ),
  };
  const tensors = Object.entries(headers).map(([name, shape]) => {
    const bytes = 4 * shape.reduce((all, size) => all * size, 1);
    return [name, { dtype: "F32", shape, bytes }] as const;
  });
  const facts = { name: "made", config, tensors: new Map(tensors) };
  const length = {
    kind: "number",
    value: 64,
    text: "64",
    span: { file: { path: "", text: "" }, start: 0, end: 0 },
  } as const;
  const inputs = {
    parameters: new Map([["length", length]]),
    models: new Map([["model", facts]]),
    corpora: new Map([["text", { tokens: { test: 64 } }]]),
  };
  const made = plan(loadRecipe(library, "std/evaluate"), inputs, device.facts);
  const step = made.steps.find(({ part }) => part.what === "outputs");
  const program = made.programs.find(({ name }) => name === step?.program);
  if (!program) throw new Error("no step goes through the block");
  return program.regions.reduce((sum, { bytes, lasts }) => sum + (lasts ? 0 : bytes), 0);
}

suite("mixtures of experts", ({ test }) => {
  test("experts are computed one after the other", () => {
    const more = scratchOf(32) - scratchOf(8);
    assert.ok(more < 4 * 64 * 512, `24 more experts take ${more} more bytes, one has ${4 * 64 * 512} of neurons`);
  });

  for (const pruned of record.wanda)
    test(
      `masks of Wanda in ${pruned.family}, of the tokens that reach each expert`,
      inFolder(async (folder) => {
        const store = new StoreFolder(join(folder, "store"));
        const { loss, notes, result } = await prune(pruned, folder, store, "out");
        for (const [name, mask] of Object.entries(pruned.masks)) {
          const tensor = result.tensors.get(name);
          if (!tensor) throw new Error(`there is no ${name}`);
          const weights = await readWeight(tensor);
          const bits = Buffer.from(mask, "base64");
          const isKept = (i: number): boolean => (((bits[i >> 3] ?? 0) >> (7 - (i & 7))) & 1) === 1;
          const other = weights.findIndex((w, i) => (w !== 0) !== isKept(i));
          assert.is(other, -1, `${name} differs from ${other} on`);
        }
        const said = pruned.unreached.map(
          ([layer, expert]) =>
            `stage sparse, layer ${layer}: no token of these windows reaches ${["gate", "up", "down"].map((name) => `${name}[${expert}]`).join(", ")};`,
        );
        assert.equal(
          notes.map((note) => note.slice(0, note.indexOf(";") + 1)),
          said,
        );
        assert.ok(Math.abs(loss - pruned.nll) < 1e-5, `${loss}, and PyTorch has ${pruned.nll}`);
        const ended = store.records().length;
        const again = await prune(pruned, folder, store, "again");
        assert.equal([again.notes, store.records().length], [notes, ended], "a run that repeats no step says the same");
        store.close();
      }),
    );

  test("the device is given back", () => device.close());
});
