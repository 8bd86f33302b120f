/** What stages of a recipe do with the first block of a model, of which only headers are there: numbers are at random. */
import { outline } from "../compiler/compile.ts";
import type { Graph } from "../compiler/graph/graph.ts";
import type { TensorType } from "../compiler/graph/type.ts";
import type { ModelFacts } from "../compiler/model/facts.ts";
import { wholeRange } from "../compiler/plan/dtype.ts";
import type { StepPart } from "../compiler/plan/step.ts";
import { parseArgument } from "../compiler/recipe/load-recipe.ts";
import { readRecipe } from "../runtime/cli/recipe.ts";
import type { Task } from "./line.ts";
import { definite, type Named, random, type Values } from "./values.ts";

export interface Llama {
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly kv: number;
}

/** A matrix of that many rows and columns stands for every layer. */
export const square = (size: number): Llama => ({ hidden: size, intermediate: size, heads: 8, kv: 8 });

/** The block of SmolLM2-135M. */
export const smollm2: Llama = { hidden: 576, intermediate: 1536, heads: 9, kv: 3 };

/** How often a step over windows runs. */
interface Given extends Readonly<Record<string, string>> {
  readonly samples: string;
}

/** The steps of a recipe's stages on the first block that are wanted, each as often as it runs. */
export function stepsOf(
  recipe: string,
  llama: Llama,
  given: Given,
  isWanted: (part: StepPart) => boolean,
): readonly Task[] {
  const { loaded } = readRecipe(recipe);
  const corpora = new Map([["text", { tokens: { train: 2 ** 20, test: 2 ** 20 } }]]);
  const models = new Map([["model", headers(llama)]]);
  const parameters = new Map(
    loaded.parameters
      .filter(({ name }) => Object.hasOwn(given, name))
      .map((parameter) => [parameter.name, parseArgument(parameter, given[parameter.name] ?? "")]),
  );
  const { steps } = outline(loaded, { parameters, models, corpora });
  const tasks = steps.flatMap(({ part, over, program }) => {
    if (program === null || part.layer !== 0 || part.stage === null || !isWanted(part)) return [];
    return [{ graph: program, inputs: inputsOf(program), times: over === null ? 1 : Number(given.samples) }];
  });
  if (tasks.length === 0) throw new Error(`${recipe} has no such step`);
  return tasks;
}

/** The headers of a Llama of one block. */
function headers({ hidden, intermediate, heads, kv }: Llama): ModelFacts {
  const config = {
    ...{ architectures: ["LlamaForCausalLM"], model_type: "llama", hidden_act: "silu", vocab_size: 256 },
    ...{ hidden_size: hidden, intermediate_size: intermediate, num_hidden_layers: 1, num_attention_heads: heads },
    ...{ num_key_value_heads: kv, max_position_embeddings: 512, rms_norm_eps: 1e-5, tie_word_embeddings: true },
  };
  const narrow = (hidden / heads) * kv;
  const layers: Readonly<Record<string, readonly number[]>> = {
    ...{ input_layernorm: [hidden], post_attention_layernorm: [hidden] },
    ...{ "self_attn.q_proj": [hidden, hidden], "self_attn.o_proj": [hidden, hidden] },
    ...{ "self_attn.k_proj": [narrow, hidden], "self_attn.v_proj": [narrow, hidden] },
    ...{ "mlp.gate_proj": [intermediate, hidden], "mlp.up_proj": [intermediate, hidden] },
    "mlp.down_proj": [hidden, intermediate],
  };
  const shapes: readonly (readonly [string, readonly number[]])[] = [
    ["model.embed_tokens.weight", [256, hidden]],
    ["model.norm.weight", [hidden]],
    ...Object.entries(layers).map(([name, shape]) => [`model.layers.0.${name}.weight`, shape] as const),
  ];
  const bytes = (shape: readonly number[]): number => 4 * shape.reduce((product, each) => product * each, 1);
  const tensors = shapes.map(([name, shape]) => [name, { dtype: "F32", shape, bytes: bytes(shape) }] as const);
  return { name: "block", config, tensors: new Map(tensors) };
}

/** Codes of all values, second moments that have a factor, and numbers at random. */
function inputsOf({ nodes }: Graph): Named {
  const inputs = nodes.flatMap((node) => (node.op === "input" ? [node.attrs] : []));
  return Object.fromEntries(inputs.map(({ name, role, type }) => [name, drawn(type, role === "state")]));
}

function drawn({ dtype, dims }: TensorType, isState: boolean): Values {
  const shape = dims.map(({ size }) => size);
  const [rows = 1, columns] = shape;
  if (isState && shape.length === 2 && rows === columns) return definite(6, rows);
  const { values } = random(7, ...shape);
  const codes = wholeRange(dtype);
  const isWhole = codes !== undefined || dtype === "i32";
  const { low, high } = codes ?? { low: 0, high: 0 };
  return { shape, values: isWhole ? values.map((x) => low + Math.floor((x + 0.5) * (high - low + 1))) : values };
}
