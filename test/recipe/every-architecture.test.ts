/** Methods on every architecture of the library: each is accepted, or refused with a sentence that docs/architectures.md has. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadRecipe } from "../../compiler/compile.ts";
import { maker } from "../../compiler/graph/make.ts";
import { newContext } from "../../compiler/language/context.ts";
import { declareModules } from "../../compiler/language/declare.ts";
import { problemsOf } from "../../compiler/language/refuse.ts";
import type { ModelFacts } from "../../compiler/model/facts.ts";
import { checkRecipe } from "../../compiler/recipe/recipe.ts";
import { suite } from "../harness/suite.ts";
import { hostWith } from "../language/run.ts";
import type { Families } from "../model/families.ts";
import { recorded } from "../model/transformers.ts";
import { root } from "../repository/sources.ts";

/** Calls by the module of the library that they are from; those on `readers` are for the layers that read what attention reads. */
const calls: readonly (readonly [module: string, call: string, on?: "blocks" | "readers"])[] = [
  ["prune/wanda", "wanda(50%)"],
  ["prune/sparsegpt", "sparsegpt(50%)"],
  ["quantize/rtn", "rtn(4, every: 32)"],
  ["quantize/gptq", "gptq(4, every: 32)"],
  ["quantize/fp8", "fp8_whole()"],
  ["quantize/nvfp4", "nvfp4()"],
  ["quantize/e8p", "e8p()"],
  ["lowrank/lqer", "lqer(4, every: 32, rank: 1)"],
  ["lowrank/svd_llm", "svd_llm(80%)"],
  ["quantize/awq", "awq(4, every: 32)", "readers"],
  ["prune/shortgpt", "shortgpt(1)", "blocks"],
  ["prune/minitron", "minitron_width(mlp: 75%, multiple: 4)", "blocks"],
  ["prune/minitron", "minitron_width(kv: 50%)", "blocks"],
  ["prune/minitron", "minitron_width(model: 75%, multiple: 4)", "blocks"],
  ["prune/flap", "flap(mlp: 75%, multiple: 4)", "blocks"],
  ["rotate/quarot", "quarot()", "blocks"],
  ["rotate/slicegpt", "slicegpt(75%)", "blocks"],
];

/** A recipe in which each call is a stage of the given model, a line each. */
function recipe(attention: string): string {
  const names = new Set(calls.map(([module, call]) => `import { ${call.replace(/\(.*/, "")} } from "std/${module}"`));
  const stages = calls.map(([, call, on], i) => {
    const layers = { blocks: "", readers: ` for ${attention}`, linears: " for linear except lm_head" }[on ?? "linears"];
    return `  stage s${i} = ${call} of model over sample${layers}`;
  });
  const sample = "  let sample = text.train.sample(2, length: 16, seed: 1)";
  return [...names, "recipe all(model: Model, text: Corpus) {", sample, ...stages, "}", ""].join("\n");
}

/** Sizes of the recorded models times so much: blocks and groups divide them. */
const grown = (size: number): number => (size < 8 ? size : size * 32);
const sizes = /^(vocab_size|.*hidden_size|.*intermediate_size|head_dim|n_embd|n_positions)$/;

type Family = Families["families"][string];

function factsOf({ config, tensors }: Family): ModelFacts {
  const larger = Object.entries(config).map(([field, value]) => [
    field,
    sizes.test(field) && typeof value === "number" ? grown(value) : value,
  ]);
  const headers = Object.entries(tensors).map(([name, given]) => {
    const shape = given.map(grown);
    return [name, { dtype: "F32", shape, bytes: 4 * shape.reduce((all, size) => all * size, 1) }] as const;
  });
  return { name: "model", config: Object.fromEntries(larger), tensors: new Map(headers) };
}

/** Why each call is refused, or null. */
function judged(attention: string, family: Family): readonly (string | null)[] {
  const text = recipe(attention);
  const { recipe: declared, modules } = loadRecipe(hostWith({ "own.lcomp": text }), "own.lcomp");
  const context = newContext(maker(), text.length, { countWindows: () => 2 });
  const all = declareModules(context, modules);
  const scope = all.scopes.get("own.lcomp");
  assert.ok(scope);
  checkRecipe(context, declared, scope, {
    parameters: new Map(),
    models: new Map([["model", factsOf(family)]]),
    corpora: new Map([["text", { tokens: { train: 1000 } }]]),
    modules: all,
    isBound: true,
    archs: () => all.archs.values().map(({ declaration: arch }) => arch),
    formats: () => [],
  });
  const stages = text.split("\n").filter((line) => line.startsWith("  stage "));
  const refusals = new Map<string, string>();
  for (const { title, labels } of problemsOf(context)) {
    const span = labels.map((label) => label.span).find(({ file }) => file.path === "own.lcomp");
    const line = text.slice(0, span?.start ?? 0).split("\n").length - 1;
    const stage = text.split("\n")[line] ?? "";
    assert.ok(stages.includes(stage), `${title}, at none of the stages`);
    if (!refusals.has(stage)) refusals.set(stage, title);
  }
  return stages.map((stage) => refusals.get(stage) ?? null);
}

const records = [recorded("architectures.json"), recorded("mixtures.json")] as unknown as readonly Families[];
const families: Readonly<Record<string, Family>> = Object.assign({}, ...records.map((record) => record.families));

/** As the record of Qwen 2, but for biases: that of these two is of the example's weights. */
function llama(name: "llama" | "mistral", architecture: string): Family {
  const { config, tensors } = families["qwen2"] as Family;
  const { layer_types: _, ...rest } = config;
  const kept = Object.entries(tensors).filter(([tensor]) => !tensor.endsWith(".bias"));
  return { config: { ...rest, model_type: name, architectures: [architecture] }, tensors: Object.fromEntries(kept) };
}

const models: Readonly<Record<string, Family>> = {
  llama: llama("llama", "LlamaForCausalLM"),
  mistral: llama("mistral", "MistralForCausalLM"),
  ...families,
};

const page = readFileSync(join(root, "docs/architectures.md"), "utf8");

/** Rows of the page: a sentence, what is refused with it, and of which architectures. */
function table(found: ReadonlyMap<string, readonly (string | null)[]>): readonly string[] {
  const cases = [...found].flatMap(([model, all]) => {
    const why = all.map((title) => title?.replaceAll(`\`${model}\``, "the architecture") ?? null);
    return [...new Set(why)].flatMap((title) => {
      const refused = calls.flatMap(([, call], i) => (why[i] === title ? [`\`${call}\``] : []));
      return title === null ? [] : [{ model: `\`${model}\``, row: `${title} | ${refused.join(", ")}` }];
    });
  });
  return [...Map.groupBy(cases, ({ row }) => row)].map(
    ([row, of]) => `| ${of.map(({ model }) => model).join(", ")} | ${row} |`,
  );
}

suite("methods on every architecture", ({ test }) => {
  const found = new Map<string, readonly (string | null)[]>();
  for (const [name, family] of Object.entries(models))
    test(`${name}: stages are accepted or refused, and none stops the check`, () => {
      const all = judged("q, k, v", family);
      assert.ok(all.some((refusal) => refusal === null));
      found.set(name, all);
    });

  test("docs/architectures.md says which are refused, and why", () => {
    assert.equal(
      page.split("\n").filter((line) => line.startsWith("| `")),
      table(found),
    );
  });
});
