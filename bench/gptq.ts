/** A layer by the library's GPTQ, codes of four bits in groups of 128, beside a product of the same size. */
import { outline } from "../compiler/compile.ts";
import type { Graph } from "../compiler/graph/graph.ts";
import type { ModelFacts } from "../compiler/model/facts.ts";
import { parseArgument } from "../compiler/recipe/load-recipe.ts";
import { readRecipe } from "../runtime/cli/recipe.ts";
import { dot, words } from "../test/fuse/sketch.ts";
import type { Line } from "./line.ts";
import { definite, type Named, random } from "./values.ts";

/** The line for a square layer. */
export function gptqLine(size: number): Line {
  const graph = compressing(size);
  const w = words("product");
  const [a, b] = [w.data("a", { m: size, k: size }), w.weight("b", { k: size, n: size })];
  return {
    name: `GPTQ W4 ${size}×${size}`,
    graph,
    inputs: inputsOf(graph),
    ...{ tolerance: 0, least: 0.25 },
    blas: ({ gptq }) => gptq(size),
    beside: {
      name: "product",
      graph: w.graph({ y: dot(w, a, b, "k") }),
      inputs: { a: random(1, size, size), b: random(2, size, size) },
    },
  };
}

/** What a recipe does with the first layer of a model of one block, whose matrices are square. */
function compressing(size: number): Graph {
  const { loaded } = readRecipe("docs/results/gptq.lcomp");
  const given = { every: "128", length: "512" };
  const corpora = new Map([["text", { tokens: { train: 2 ** 20, test: 2 ** 20 } }]]);
  const models = new Map([["model", square(size)]]);
  const parameters = new Map(
    loaded.parameters
      .filter(({ name }) => Object.hasOwn(given, name))
      .map((parameter) => [parameter.name, parseArgument(parameter, given[parameter.name as keyof typeof given])]),
  );
  const { steps } = outline(loaded, { parameters, models, corpora });
  const graph = steps.find(({ part }) => part.what === "q" && part.stage !== null)?.program;
  if (graph === undefined) throw new Error("docs/results/gptq.lcomp changes no layer q");
  return graph;
}

/** The headers of a Llama of one block. */
function square(size: number): ModelFacts {
  const config = {
    ...{ architectures: ["LlamaForCausalLM"], model_type: "llama", hidden_act: "silu", vocab_size: 256 },
    ...{ hidden_size: size, intermediate_size: size, num_hidden_layers: 1, num_attention_heads: 8 },
    ...{ num_key_value_heads: 8, max_position_embeddings: 512, rms_norm_eps: 1e-5, tie_word_embeddings: true },
  };
  const block = "model.layers.0";
  const linears = ["q", "k", "v", "o"].map((name) => `self_attn.${name}_proj`);
  const names = [...linears, ...["gate", "up", "down"].map((name) => `mlp.${name}_proj`)];
  const shapes: readonly (readonly [string, readonly number[]])[] = [
    ["model.embed_tokens.weight", [256, size]],
    ["model.norm.weight", [size]],
    ...["input_layernorm", "post_attention_layernorm"].map((name) => [`${block}.${name}.weight`, [size]] as const),
    ...names.map((name) => [`${block}.${name}.weight`, [size, size]] as const),
  ];
  const bytes = (shape: readonly number[]): number => 4 * shape.reduce((product, each) => product * each, 1);
  const tensors = shapes.map(([name, shape]) => [name, { dtype: "F32", shape, bytes: bytes(shape) }] as const);
  return { name: "square", config, tensors: new Map(tensors) };
}

/** Weights at random, and a second moment that has a factor. */
function inputsOf({ nodes }: Graph): Named {
  const inputs = nodes.flatMap((node) => (node.op === "input" ? [node.attrs] : []));
  const sized = inputs.map(({ name, role, type }) => {
    const [rows = 1, columns = 1] = type.dims.map(({ size }) => size);
    return [name, role === "state" ? definite(6, rows) : random(7, rows, columns)] as const;
  });
  return Object.fromEntries(sized);
}
