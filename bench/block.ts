/** A block of examples/tiny on one sequence: lcomp from its standard library, the peers as one would write it for them. */

import { outline } from "../compiler/compile.ts";
import type { ModelFacts } from "../compiler/model/facts.ts";
import { openRecipe, readRecipe } from "../runtime/cli/recipe.ts";
import { type Checkpoint, requireSize } from "../runtime/io/checkpoint.ts";
import { readWeight } from "../test/io/tensors.ts";
import type { Jax, JaxArray } from "./jax.ts";
import { type Line, once, peerLine } from "./line.ts";
import type { Tensor, Tfjs } from "./tfjs.ts";
import { random, transposed, type Values } from "./values.ts";

const token = 512;

interface Sizes {
  readonly model: number;
  readonly heads: number;
  readonly kv: number;
  readonly head: number;
  readonly eps: number;
}

const tensors = {
  attnNorm: "input_layernorm",
  mlpNorm: "post_attention_layernorm",
  q: "self_attn.q_proj",
  k: "self_attn.k_proj",
  v: "self_attn.v_proj",
  o: "self_attn.o_proj",
  gate: "mlp.gate_proj",
  up: "mlp.up_proj",
  down: "mlp.down_proj",
};

/** The line; `folder` is a Llama-family model. */
export async function blockLine(folder: string): Promise<Line> {
  const open = await openRecipe(readRecipe("std/evaluate"), { model: folder, length: `${token}` });
  const [model] = open.models.values();
  if (model === undefined) throw new Error("std/evaluate takes no model");
  const wide = new Map([...open.inputs.models].map(([name, facts]) => [name, inF32(facts)]));
  const { steps } = outline(open.loaded, { ...open.inputs, models: wide });
  const graph = steps.find(({ part }) => part.what === "outputs")?.program;
  if (graph === undefined) throw new Error("std/evaluate evaluates no block");
  const sizes: Sizes = {
    model: requireSize(model, "hidden_size"),
    heads: requireSize(model, "num_attention_heads"),
    kv: requireSize(model, "num_key_value_heads"),
    head: requireSize(model, "head_dim"),
    eps: Number(model.config["rms_norm_eps"]),
  };
  const { inputs, tfjs, jax } = await weights(model, sizes);
  return {
    name: "block of examples/tiny",
    tasks: once(graph, inputs),
    tolerance: 1e-4,
    least: 1,
    tfjs: peerLine(tfjs, (tf, given) => tfjsBlock(tf, given, sizes)),
    jax: peerLine(jax, (jax, given) => jaxBlock(jax, given, sizes)),
  };
}

/** The same model stored in f32, which is what the peers compute with. */
const inF32 = (facts: ModelFacts): ModelFacts => ({
  ...facts,
  tensors: new Map([...facts.tensors].map(([name, tensor]) => [name, { ...tensor, dtype: "F32" }])),
});

/** The first layer's, by the names of the block's slots and by those that the peers' code has for them. */
async function weights(model: Checkpoint, { model: width, head }: Sizes) {
  const x = random(5, token, width);
  const inputs: Record<string, Values> = { x };
  const read = async ([short, name]: [string, string]): Promise<readonly [string, Values]> => {
    const tensor = model.tensors.get(`model.layers.0.${name}.weight`);
    if (tensor === undefined) throw new Error(`${model.folder} has no ${name}`);
    const stored = { shape: tensor.shape, values: Float32Array.from(await readWeight(tensor)) };
    inputs[`model.layers.{layer}.${name}.weight`] = stored;
    return [short, stored];
  };
  const stored = await Promise.all(Object.entries(tensors).map(read));
  const turned = stored.map(([short, w]) => [short, w.shape.length === 2 ? transposed(w) : w] as const);
  const { future, ...turns } = tables(head, Number(model.config["rope_theta"]));
  const tfjs = { x, ...turns, future, ...named(turned) };
  return { inputs, tfjs, jax: { x, ...turns, ...named(stored) } };
}

const named = (entries: readonly (readonly [string, Values])[]): Readonly<Record<keyof typeof tensors, Values>> =>
  Object.fromEntries(entries) as Record<keyof typeof tensors, Values>;

/** Tables, as an implementation for the peers would keep them; and what hides the future. */
function tables(head: number, base: number) {
  const half = head / 2;
  const table = (of: (angle: number) => number): Values => ({
    shape: [token, 1, head],
    values: Float32Array.from({ length: token * head }, (_, i) =>
      of(Math.floor(i / head) * Math.fround(base ** (-(i % half) / half))),
    ),
  });
  const future = Float32Array.from({ length: token * token }, (_, i) =>
    i % token <= Math.floor(i / token) ? 0 : -1e30,
  );
  return { cos: table(Math.cos), sin: table(Math.sin), future: { shape: [token, token], values: future } };
}

type Inputs<T> = Readonly<Record<"x" | "cos" | "sin" | keyof typeof tensors, T>>;

function tfjsBlock(
  tf: Tfjs,
  given: Inputs<Tensor> & { readonly future: Tensor },
  { heads, kv, head, eps }: Sizes,
): Tensor {
  const { x, cos, sin, future, q, k, v, o, gate, up, down, attnNorm, mlpNorm } = given;
  const norm = (x: Tensor, gain: Tensor): Tensor =>
    tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), 1, true), eps))), gain);
  const rotary = (flat: Tensor, heads: number): Tensor => {
    const x = tf.reshape(flat, [token, heads, head]);
    const half = [token, heads, head / 2];
    const [a, b] = [tf.slice(x, [0, 0, 0], half), tf.slice(x, [0, 0, head / 2], half)];
    return tf.add(tf.mul(x, cos), tf.mul(tf.concat([tf.mul(b, -1), a], 2), sin));
  };
  const byHead = (x: Tensor, heads: number): Tensor => tf.transpose(tf.reshape(x, [token, heads, head]), [1, 0, 2]);
  const a = norm(x, attnNorm);
  // The heads that share a key and value head are the rows of one product.
  const queries = byHead(rotary(tf.matMul(a, q), heads), heads);
  const keys = byHead(rotary(tf.matMul(a, k), kv), kv);
  const values = byHead(tf.matMul(a, v), kv);
  const rows = (heads / kv) * token;
  const score = tf.mul(tf.matMul(tf.reshape(queries, [kv, rows, head]), keys, false, true), head ** -0.5);
  const shares = tf.softmax(tf.add(tf.reshape(score, [heads, token, token]), future));
  const mixed = tf.reshape(tf.matMul(tf.reshape(shares, [kv, rows, token]), values), [heads, token, head]);
  const y = tf.add(x, tf.matMul(tf.reshape(tf.transpose(mixed, [1, 0, 2]), [token, heads * head]), o));
  const m = norm(y, mlpNorm);
  const opened = tf.matMul(m, gate);
  const neuron = tf.mul(tf.mul(opened, tf.sigmoid(opened)), tf.matMul(m, up));
  return tf.add(y, tf.matMul(neuron, down));
}

function jaxBlock({ numpy, nn }: Jax, given: Inputs<JaxArray>, { heads, kv, head, eps }: Sizes): JaxArray {
  const { x, cos, sin, q, k, v, o, gate, up, down, attnNorm, mlpNorm } = given;
  const norm = (x: JaxArray, gain: JaxArray): JaxArray => {
    const mean = numpy.mean(x.ref.mul(x.ref), 1, { keepdims: true });
    return x.mul(numpy.reciprocal(numpy.sqrt(mean.add(eps)))).mul(gain);
  };
  const layer = (x: JaxArray, weight: JaxArray): JaxArray => numpy.einsum("ti,oi->to", x, weight);
  const rotary = (x: JaxArray): JaxArray => {
    const [a, b] = numpy.split(x.ref, 2, -1);
    return x.mul(cos.ref).add(numpy.concatenate([b.neg(), a], -1).mul(sin.ref));
  };
  const a = norm(x.ref, attnNorm);
  const queries = rotary(layer(a.ref, q).reshape([token, heads, head]));
  const keys = rotary(layer(a.ref, k).reshape([token, kv, head]));
  const values = layer(a, v).reshape([token, kv, head]);
  const mixed = nn.dotProductAttention(queries, keys, values, { isCausal: true });
  const y = x.add(layer(mixed.reshape([token, heads * head]), o));
  const m = norm(y.ref, mlpNorm);
  const neuron = nn.silu(layer(m.ref, gate)).mul(layer(m, up));
  for (const table of [cos, sin]) table.dispose();
  return y.add(layer(neuron, down));
}
