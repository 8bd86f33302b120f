/** A Llama-like decoder in plain float64, written from the papers: what it says owes nothing to the compiler or to stdlib/. */
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { readWeight } from "../io/tensors.ts";

type Matrix = readonly Float64Array[];

/** A model's numbers, and the fields of its config that matter. */
export interface Decoder {
  readonly config: Config;
  readonly tensors: ReadonlyMap<string, Float64Array>;
}

interface Config {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads?: number;
  readonly head_dim?: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_scaling?: Scaling | null;
}

interface Scaling {
  readonly rope_type: "llama3" | "linear";
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/** What goes into each linear layer, a row per token, by the path of its weight; and the logits of each token. */
export interface Pass {
  readonly inputs: ReadonlyMap<string, Matrix>;
  readonly logits: Matrix;
}

export async function readDecoder(folder: string): Promise<Decoder> {
  const { config, tensors } = await openCheckpoint(folder);
  const values = new Map<string, Float64Array>();
  for (const [name, tensor] of tensors) values.set(name, Float64Array.from(await readWeight(tensor)));
  return { config: config as unknown as Config, tensors: values };
}

/** One window of tokens through the whole model. */
export function pass(model: Decoder, ids: ArrayLike<number>): Pass {
  const { config, tensors } = model;
  const inputs = new Map<string, Matrix>();
  const linear = (path: string, x: Matrix): Matrix => {
    inputs.set(path, x);
    return product(x, tensors.get(`${path}.weight`) as Float64Array, tensors.get(`${path}.bias`));
  };
  const embed = tensors.get("model.embed_tokens.weight") as Float64Array;
  const n = config.hidden_size;
  let x: Matrix = Array.from(ids, (id) => embed.slice(id * n, (id + 1) * n));
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    const a = norm(model, `${at}.input_layernorm`, x);
    const [q, k, v] = ["q", "k", "v"].map((name) => linear(`${at}.self_attn.${name}_proj`, a)) as [
      Matrix,
      Matrix,
      Matrix,
    ];
    x = plus(x, linear(`${at}.self_attn.o_proj`, attention(config, q, k, v)));
    const m = norm(model, `${at}.post_attention_layernorm`, x);
    const [gate, up] = ["gate", "up"].map((name) => linear(`${at}.mlp.${name}_proj`, m)) as [Matrix, Matrix];
    const neuron = gate.map((row, t) => row.map((g, i) => (g / (1 + Math.exp(-g))) * (up[t]?.[i] ?? NaN)));
    x = plus(x, linear(`${at}.mlp.down_proj`, neuron));
  }
  const last = norm(model, "model.norm", x);
  const head = tensors.get("lm_head.weight") ?? embed;
  inputs.set("lm_head", last);
  return { inputs, logits: product(last, head, undefined) };
}

/** Mean negative log-likelihood of the next token, for each window. */
export const losses = (model: Decoder, windows: readonly ArrayLike<number>[]): readonly number[] =>
  windows.map((ids) => {
    const { logits } = pass(model, ids);
    let sum = 0;
    for (let t = 0; t + 1 < ids.length; t++) {
      const row = logits[t] as Float64Array;
      const most = Math.max(...row);
      sum += most + Math.log(row.reduce((all, z) => all + Math.exp(z - most), 0)) - (row[ids[t + 1] as number] ?? NaN);
    }
    return sum / (ids.length - 1);
  });

function product(x: Matrix, w: Float64Array, bias: Float64Array | undefined): Matrix {
  return x.map((row) => {
    const n = row.length;
    const out = new Float64Array(w.length / n);
    for (let o = 0; o < out.length; o++) {
      let sum = bias?.[o] ?? 0;
      for (let i = 0; i < n; i++) sum += (w[o * n + i] as number) * (row[i] as number);
      out[o] = sum;
    }
    return out;
  });
}

const plus = (a: Matrix, b: Matrix): Matrix => a.map((row, t) => row.map((value, i) => value + (b[t]?.[i] ?? NaN)));

function norm({ config, tensors }: Decoder, name: string, x: Matrix): Matrix {
  const gain = tensors.get(`${name}.weight`) as Float64Array;
  return x.map((row) => {
    const size = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / row.length + config.rms_norm_eps);
    return row.map((value, i) => (value / size) * (gain[i] ?? NaN));
  });
}

/** Angles per position of one head's halves. */
function frequencies({ rope_theta: base, rope_scaling: scaling }: Config, size: number): readonly number[] {
  return Array.from({ length: size / 2 }, (_, i) => {
    const frequency = base ** ((-2 * i) / size);
    if (!scaling) return frequency;
    if (scaling.rope_type === "linear") return frequency / scaling.factor;
    const wavelength = (2 * Math.PI) / frequency;
    const length = scaling.original_max_position_embeddings;
    if (wavelength < length / scaling.high_freq_factor) return frequency;
    if (wavelength > length / scaling.low_freq_factor) return frequency / scaling.factor;
    const smooth =
      (length / wavelength - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
    return ((1 - smooth) * frequency) / scaling.factor + smooth * frequency;
  });
}

function attention(config: Config, q: Matrix, k: Matrix, v: Matrix): Matrix {
  const heads = config.num_attention_heads;
  const groups = heads / (config.num_key_value_heads ?? heads);
  const size = config.head_dim ?? config.hidden_size / heads;
  const turn = frequencies(config, size);
  const rotated = (row: Float64Array, t: number): Float64Array =>
    row.map((value, at) => {
      const [i, half] = [at % size, size / 2];
      const angle = t * (turn[i % half] ?? NaN);
      const other = i < half ? -(row[at + half] ?? NaN) : (row[at - half] ?? NaN);
      return value * Math.cos(angle) + other * Math.sin(angle);
    });
  const [turnedQ, turnedK] = [q.map(rotated), k.map(rotated)];
  return turnedQ.map((row, t) => {
    const out = new Float64Array(row.length);
    for (let h = 0; h < heads; h++) {
      const from = Math.floor(h / groups) * size;
      const scores = turnedK.slice(0, t + 1).map((key) => dot(row, h * size, key, from, size) / Math.sqrt(size));
      const most = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - most));
      const whole = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [s, weight] of weights.entries())
        for (let i = 0; i < size; i++)
          out[h * size + i] = (out[h * size + i] ?? NaN) + (weight / whole) * (v[s]?.[from + i] ?? NaN);
    }
    return out;
  });
}

function dot(a: Float64Array, atA: number, b: Float64Array, atB: number, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += (a[atA + i] ?? NaN) * (b[atB + i] ?? NaN);
  return sum;
}
