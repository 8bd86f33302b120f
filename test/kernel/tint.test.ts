/** Every kernel of every recipe and method, for every kind of device, through Tint: no GPU is needed. */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { verify } from "../../compiler/artifacts.ts";
import { type CompileInputs, loadRecipe, type Outline, outline, prepare } from "../../compiler/compile.ts";
import type { ModelFacts } from "../../compiler/model/facts.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import { type LoadedRecipe, parseArgument } from "../../compiler/recipe/load-recipe.ts";
import type * as Ast from "../../grammar/ast.ts";
import { accepted, CompileError, type Diagnostic } from "../../grammar/diagnostic.ts";
import { parse } from "../../grammar/parse.ts";
import { showKernels } from "../../runtime/cli/kernel-table.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { lcomp, main } from "../cli/lcomp.ts";
import { facts } from "../fuse/sketch.ts";
import { library } from "../given/library.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { hostWith } from "../language/run.ts";
import { drawing, randomOf, seed } from "../ops/random.ts";
import { validatePlan } from "../plan/validate.ts";
import { root } from "../repository/sources.ts";

const matrices = [{ component: "f16", result: "f32", M: 8, N: 8, K: 8 }];
const gpu: DeviceFacts = { ...facts, kind: "gpu", software: false, subgroupMinSize: 8, subgroupMaxSize: 32 };

/** From the poorest that WebGPU allows to the richest that the schedules ask for. */
const devices: Readonly<Record<string, DeviceFacts>> = {
  lavapipe: { ...facts, maxComputeInvocationsPerWorkgroup: 1024, subgroupMatrices: matrices },
  "lavapipe at 512 bits": { ...facts, subgroupMinSize: 16, subgroupMaxSize: 16, subgroupMatrices: matrices },
  swiftshader: { ...facts, hasF16: false, subgroupMinSize: 4, subgroupMaxSize: 4, maxStorageBuffersPerShaderStage: 12 },
  "a CPU without subgroups": {
    ...facts,
    kind: "software",
    hasF16: false,
    hasSubgroups: false,
    maxStorageBuffersPerShaderStage: 8,
  },
  "the least GPU": {
    ...gpu,
    hasF16: false,
    hasSubgroups: false,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupStorageSize: 16384,
  },
  "a GPU with 64 KiB": {
    ...gpu,
    maxStorageBuffersPerShaderStage: 10,
    maxComputeInvocationsPerWorkgroup: 1024,
    maxComputeWorkgroupStorageSize: 65536,
  },
  "a GPU with subgroup matrices": {
    ...gpu,
    subgroupMatrices: [...matrices, { component: "f16", result: "f32", M: 16, N: 16, K: 16 }],
  },
};

interface Sizes {
  readonly vocab: number;
  readonly hidden: number;
  readonly mlp: number;
  readonly heads: number;
  readonly kv: number;
  readonly head: number;
}

/** The headers of a model, as safetensors and config.json would give them. */
function headers(
  name: string,
  dtype: "F32" | "F16" | "BF16",
  { vocab, hidden, mlp, heads, kv, head }: Sizes,
  more: object,
): ModelFacts {
  const blocks = [0, 1].flatMap((layer) =>
    Object.entries({
      "input_layernorm.weight": [hidden],
      "self_attn.q_proj.weight": [heads * head, hidden],
      "self_attn.k_proj.weight": [kv * head, hidden],
      "self_attn.v_proj.weight": [kv * head, hidden],
      "self_attn.o_proj.weight": [hidden, heads * head],
      "post_attention_layernorm.weight": [hidden],
      "mlp.gate_proj.weight": [mlp, hidden],
      "mlp.up_proj.weight": [mlp, hidden],
      "mlp.down_proj.weight": [hidden, mlp],
    }).map(([tensor, shape]) => [`model.layers.${layer}.${tensor}`, shape] as const),
  );
  const isTied = "tie_word_embeddings" in more && more.tie_word_embeddings === true;
  const shapes = new Map<string, readonly number[]>([
    ["model.embed_tokens.weight", [vocab, hidden]],
    ...blocks,
    ["model.norm.weight", [hidden]],
    ...(isTied ? [] : ([["lm_head.weight", [vocab, hidden]]] as const)),
  ]);
  const config = {
    architectures: ["LlamaForCausalLM"],
    vocab_size: vocab,
    hidden_size: hidden,
    intermediate_size: mlp,
    num_hidden_layers: 2,
    num_attention_heads: heads,
    num_key_value_heads: kv,
    head_dim: head,
    max_position_embeddings: 256,
    ...more,
  };
  const bytes = dtype === "F32" ? 4 : 2;
  const tensorOf = (shape: readonly number[]) => ({ dtype, shape, bytes: bytes * shape.reduce((a, b) => a * b, 1) });
  return { name, config, tensors: new Map([...shapes].map(([tensor, shape]) => [tensor, tensorOf(shape)])) };
}

const scaling = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
};
const { config, tensors } = await openCheckpoint(join(root, "examples/tiny"));

const models: Readonly<Record<string, ModelFacts>> = {
  "examples/tiny": { name: "tiny", config, tensors },
  "odd sizes, f32, untied": headers("odd", "F32", { vocab: 509, hidden: 60, mlp: 172, heads: 6, kv: 3, head: 10 }, {}),
  "bf16, scaled rope, tied": headers(
    "scaled",
    "BF16",
    { vocab: 512, hidden: 64, mlp: 96, heads: 4, kv: 1, head: 16 },
    { rope_scaling: scaling, tie_word_embeddings: true },
  ),
  "a large vocabulary, f16": headers(
    "large",
    "F16",
    { vocab: 128_256, hidden: 576, mlp: 1536, heads: 9, kv: 3, head: 64 },
    {},
  ),
};

/** By the name of a parameter: what a method that has it is also called with. */
const others: Readonly<Record<string, string>> = {
  ...{ sparsity: "2:4", mlp: "mlp: 50%, multiple: 1", every: "every: 32" },
};

/** By what a method works on; where query heads share keys, no scale can be moved from o's inputs into v. */
const selections: Readonly<Record<string, string>> = {
  linear: " for linear except lm_head",
  readers: " for linear except o, lm_head",
  candidates: " for linear except lm_head among { halves() }",
};

/** By the name of a parameter: what a method is always called with; few rounds are the kernels of many, and a small rank suits all layers. */
const always: Readonly<Record<string, string>> = { bytes: "bytes: 4 GiB", rounds: "rounds: 2", rank: "rank: 8" };

/** Ways to call a method. */
function argumentsOf(parameters: readonly Ast.Parameter[]): readonly string[] {
  const isOf = ({ type }: Ast.Parameter, name: string): boolean =>
    type?.kind === "plain-type" && type.name.text === name;
  const fixed = parameters.flatMap((each) =>
    isOf(each, "Model") ? `${each.name.text}: model` : (always[each.name.text] ?? []),
  );
  const varied = parameters.flatMap((each) => (isOf(each, "Fraction") ? [] : (others[each.name.text] ?? [])));
  return ["", ...varied].map((own) => [...fixed, own].filter((text) => text !== "").join(", "));
}

/** A recipe for each method of the library, with its own arguments and with others. */
const ofMethods = library.library.flatMap((module) => {
  const file = library.read(module);
  const methods = (file ? accepted(parse(file)).declarations : []).filter((each) => each.kind === "method");
  return methods.flatMap(({ name: { text: method }, parameters, on }) =>
    argumentsOf(parameters).map((argument): readonly [string, string] => [
      `${method}(${argument})`,
      `import { ${method} } from "${module}"
import { perplexity, perplexity_error } from "std/evaluate"
method halves() on linear(w: f32[out, in]) { w / 2 }
recipe trial(model: Model, text: Corpus) {
  let sample = text.train.sample(2, length: 96, seed: 0)
  stage made = ${method}(${argument}) of model over sample${selections[on.text] ?? ""}
  report perplexity(made, text.test, 96), perplexity_error(made, text.test, 96)
  save made as "huggingface"
}
`,
    ]),
  );
});

/** A forward pass, statistics and a mask: for every model on every device. */
const everywhere = "examples/first.lcomp";

const files = [
  ...globSync("examples/*.lcomp", { cwd: root }).filter((path) => path !== everywhere),
  ...library.library.filter((module) => /^recipe /m.test(library.read(module)?.text ?? "")),
].map((path): readonly [string, string] => [path, library.read(path)?.text ?? ""]);

const host = hostWith(Object.fromEntries(ofMethods));
const recipes = [...files, ...ofMethods].map(([name]) => name);

const unfit = ["does-not-divide", "out-of-range", "cannot-rotate"];
const isUnfit = ({ id, title }: Diagnostic): boolean => unfit.includes(id) || /no Hadamard matrix/.test(title);

/** What a recipe does with a model, whatever the device. */
interface Outlined {
  readonly outlined: Outline;
  readonly inputs: CompileInputs;
}

/** Null where a run of inputs does not divide a layer of the model, or is longer, or where the model cannot be turned. */
function outlinedWhereItSuits(recipe: string, model: ModelFacts): Outlined | null {
  try {
    return outlineOf(recipe, model);
  } catch (error) {
    if (error instanceof CompileError && error.diagnostics.every(isUnfit)) return null;
    throw error;
  }
}

const known = new Map<string, LoadedRecipe>();

function loadedOnce(recipe: string): LoadedRecipe {
  const loaded = known.get(recipe) ?? loadRecipe(host, recipe);
  known.set(recipe, loaded);
  return loaded;
}

function outlineOf(recipe: string, model: ModelFacts): Outlined {
  const loaded = loadedOnce(recipe);
  const length = loaded.parameters.filter(({ name }) => name === "length");
  const parameters = new Map(length.map((parameter) => [parameter.name, parseArgument(parameter, "96")]));
  const given = loaded.parameters.filter(({ type }) => type === "Model").map(({ name }) => [name, model] as const);
  const tokens = { train: 2 ** 20, validation: 2 ** 20, test: 2 ** 20 };
  const inputs = { parameters, models: new Map(given), corpora: new Map([["text", { tokens }]]) };
  return { outlined: outline(loaded, inputs), inputs };
}

const preparedFor = ({ outlined, inputs }: Outlined, device: DeviceFacts) => prepare(outlined, inputs, device, verify);

/** The recipes that were compiled for some model. */
const compiled = new Set<string>();

/** Of a method, whatever its arguments. */
const nameOf = (recipe: string): string => recipe.replace(/\(.*/, "");

/** That the seed draws: three where it is the first time; for another model, and for a method with other arguments, one. */
function devicesFor(recipe: string, model: string): readonly DeviceFacts[] {
  const all = Object.values(devices);
  const isKnown = [...compiled].some((other) => nameOf(other) === nameOf(recipe));
  return randomOf(`${recipe} ${model}`)
    .shuffle(all)
    .slice(0, drawing(isKnown ? 1 : 3));
}

/** Recipes are compiled for all models, methods for the first that they suit and one of the others; what they do is found once for all devices. */
suite("Tint accepts every kernel", ({ test }) => {
  for (const [at, [model, headersOf]] of Object.entries(models).entries())
    test(`of recipes and methods, ${model} (seed ${seed})`, async () => {
      const own = recipes.filter((recipe, i) => i < files.length || i % 4 === at || !compiled.has(recipe));
      for (const recipe of own) {
        const found = outlinedWhereItSuits(recipe, headersOf);
        if (found === null) continue;
        for (const device of devicesFor(recipe, model)) await validatePlan(preparedFor(found, device), device);
        compiled.add(recipe);
      }
    });

  test("there are recipes of examples, of the library and of all its methods", () => {
    assert.equal(new Set(recipes.map(nameOf)), new Set([...compiled].map(nameOf)));
    assert.ok(files.length >= 2 && ofMethods.length >= 6, recipes.join(", "));
  });
});

/** Of the program that runs a block, its dispatches other than setup, as `--emit kernels` prints them. */
function blockDispatches(text: string): readonly string[] {
  const block = text.split("\n\n").find((program) => program.startsWith("program block:")) ?? "";
  return block.split("\n").filter((line) => line.startsWith("main "));
}

suite("a Llama block's forward pass", ({ test }) => {
  for (const [name, device] of Object.entries(devices))
    test(`takes at most 12 dispatches on ${name}, which Tint accepts`, async () => {
      for (const model of Object.values(models)) {
        const prepared = preparedFor(outlineOf(everywhere, model), device);
        await validatePlan(prepared, device);
        const { length } = blockDispatches(prepared.programs.map((program) => showKernels(program)).join("\n"));
        assert.ok(length > 4 && length <= 12, `${length} dispatches of ${model.name}`);
      }
    });

  test(
    "takes at most 12 dispatches as lcomp compile --emit kernels prints them",
    inFolder(async (folder) => {
      const text = join(folder, "text.jsonl");
      const lines = readFileSync(join(root, "examples/world/train.jsonl"), "utf8").split("\n");
      writeFileSync(text, lines.slice(0, 400).join("\n"));
      const args = ["compile", everywhere, "--model", "examples/tiny", "--text", text, "--emit", "kernels"];
      const { stdout, stderr } = lcomp(root, args, { entry: main });
      const { length } = blockDispatches(stdout);
      assert.ok(length > 4 && length <= 12, `${length} dispatches\n${stderr}`);
    }),
  );
});
