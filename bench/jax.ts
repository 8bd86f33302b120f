/** jax-js: traces a function once, fuses it and compiles it to WGSL (`jit`). */
import type { Contestant } from "./contestant.ts";
import type { Line } from "./line.ts";
import { peerPackage } from "./peers.ts";

/** What the benchmark uses of an array of theirs. An array is gone once it has been used, except through `ref`. */
export interface JaxArray {
  readonly ref: JaxArray;
  readonly add: (x: JaxArray | number) => JaxArray;
  readonly sub: (x: JaxArray | number) => JaxArray;
  readonly mul: (x: JaxArray | number) => JaxArray;
  readonly neg: () => JaxArray;
  readonly reshape: (shape: readonly number[]) => JaxArray;
  readonly data: () => Promise<Float32Array>;
  readonly dispose: () => void;
}

type Unary = (x: JaxArray) => JaxArray;

interface AttentionOptions {
  readonly isCausal: boolean;
}

/** What the benchmark uses of their package. */
export interface Jax {
  readonly numpy: {
    readonly array: (values: Float32Array) => JaxArray;
    readonly einsum: (indices: string, a: JaxArray, b: JaxArray) => JaxArray;
    readonly matmul: (a: JaxArray, b: JaxArray) => JaxArray;
    readonly exp: Unary;
    readonly tanh: Unary;
    readonly sqrt: Unary;
    readonly log: Unary;
    readonly reciprocal: Unary;
    readonly maximum: (a: JaxArray, b: number) => JaxArray;
    readonly mean: (x: JaxArray, axis: number, options: { readonly keepdims: boolean }) => JaxArray;
    readonly split: (x: JaxArray, sections: number, axis: number) => readonly [JaxArray, JaxArray];
    readonly concatenate: (xs: readonly JaxArray[], axis: number) => JaxArray;
  };
  readonly nn: {
    readonly softmax: (x: JaxArray, axis: number) => JaxArray;
    readonly silu: Unary;
    readonly dotProductAttention: (q: JaxArray, k: JaxArray, v: JaxArray, options: AttentionOptions) => JaxArray;
  };
}

type Given = Record<string, JaxArray>;

interface Engine extends Jax {
  readonly init: (device: string) => Promise<unknown>;
  readonly defaultDevice: (device: string) => void;
  readonly jit: (compute: (given: Given) => JaxArray) => (given: Given) => JaxArray;
  readonly blockUntilReady: (x: unknown) => Promise<unknown>;
}

/** The package; it takes the device from `navigator.gpu`. */
export async function openJax(): Promise<(line: Line) => Contestant | undefined> {
  const jax = await peerPackage<Engine>("@jax-js/jax", "dist/index.js");
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  return ({ jax: own }) => {
    if (own === undefined) return undefined;
    const entries = Object.entries(own.given);
    const given = Object.fromEntries(
      entries.map(([name, { shape, values }]) => [name, jax.numpy.array(values).reshape(shape)]),
    );
    const compiled = jax.jit((traced) => own.compute(jax, traced));
    const compute = (): JaxArray =>
      compiled(Object.fromEntries(entries.map(([name]) => [name, array(given, name).ref])));
    return {
      name: "jax-js",
      run: async (times) => {
        const results = Array.from({ length: times }, compute);
        // They compute what is waited for, and nothing that has been dropped before.
        await jax.blockUntilReady(results);
        for (const result of results) result.dispose();
      },
      result: async () => Float32Array.from(await compute().data()),
      close: () => {
        for (const [name] of entries) array(given, name).dispose();
      },
    };
  };
}

function array(given: Given, name: string): JaxArray {
  const found = given[name];
  if (found === undefined) throw new Error(`${name} is not given`);
  return found;
}
