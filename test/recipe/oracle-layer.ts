/** The layer of the oracles, and what methods make of it, compiled as a recipe compiles them. */
import { existsSync } from "node:fs";
import * as assert from "uvu/assert";
import { type Maker, maker } from "../../compiler/graph/make.ts";
import { newContext } from "../../compiler/language/context.ts";
import { declareModules } from "../../compiler/language/declare.ts";
import { resolve } from "../../compiler/language/resolve.ts";
import { fixed } from "../../compiler/language/size.ts";
import type { Dimension, Tensor } from "../../compiler/language/tensor.ts";
import type { MethodValue, Value } from "../../compiler/language/value.ts";
import { applyMethod } from "../../compiler/recipe/method.ts";
import type { Compression } from "../../compiler/recipe/method-result.ts";
import { accepted } from "../../grammar/diagnostic.ts";
import { readHeader } from "../../runtime/io/safetensors.ts";
import { readTensor } from "../io/tensors.ts";
import { hostWith } from "../language/run.ts";
import { type Bench, openBench } from "../ops/run.ts";

export const folder = "../shared/oracles";

/** Whether the oracles are there. */
export const areThere = existsSync(folder);

export const [rows, columns] = [256, 512];
const tokens = 2048;

/** A tensor of an oracle, whatever type it has there. */
export async function numbersIn(file: string, name: string): Promise<Float64Array> {
  const { tensors } = await readHeader(`${folder}/${file}.safetensors`);
  const found = tensors.find((tensor) => tensor.name === name);
  if (!found) throw new Error(`${file} has no ${name}`);
  const bytes = (await readTensor(found)).slice();
  const values = { F32: Float32Array, I32: Int32Array }[found.dtype as "F32"];
  return Float64Array.from(values ? new values(bytes.buffer) : bytes);
}

const dimension = (name: string, size: number): Dimension => ({
  id: name,
  name,
  size: fixed(size),
  source: "the oracle",
});

/** A method as its module calls it, of the library or of a text beside it. */
export interface Named {
  readonly module: string;
  readonly name: string;
  readonly text?: string;
}

/** Such a method on the oracle's layer: the graphs of its statistics and of what it makes of the matrix. */
function compiled(
  { module, name, text }: Named,
  given: ReadonlyMap<string, Value>,
  keepsZeros: boolean,
): { readonly graphs: Maker; readonly made: Compression } {
  const graphs = maker();
  const context = newContext(graphs);
  const host = hostWith(text === undefined ? {} : { [module]: text });
  const file = host.read(module);
  const scope = file && declareModules(context, accepted(resolve(host, file))).scopes.get(module);
  const value = scope?.values.get(name) as MethodValue;
  const span = value.method.span;
  const dims = [dimension("token", tokens), dimension("model", columns)];
  const type = {
    dtype: "f32" as const,
    dims: [
      { name: "token", size: tokens },
      { name: "model", size: columns },
    ],
  };
  const input: Tensor = {
    kind: "tensor",
    dtype: "f32",
    dims,
    node: graphs.make("input", [], { name: "x", type, role: "data" }, span),
  };
  const linear = {
    name: "layer",
    at: "layer",
    weight: "layer.weight",
    from: dims.slice(1),
    to: [dimension("wide", rows)],
    isInFirst: false,
    position: null,
    among: null,
    tied: null,
    isTable: false,
    span,
  };
  const windows = {
    kind: "windows",
    corpus: "text",
    split: "train",
    length: tokens,
    draw: { count: 1, seed: 0 },
    first: null,
  } as const;
  const made = applyMethod(
    context,
    { method: value.method, scope: value.scope, arguments: given, keepsZeros },
    { linear, dtype: "f32", bias: null, others: new Map(), layers: [1, 1], input, reached: null, windows },
  );
  assert.equal(context.found, []);
  if (!made) throw new Error(`${name} makes nothing`);
  return { graphs, made };
}

/** What the method makes of the matrix, or of another one, computed on the device; `dense` is the layer's own. */
export async function compressed(
  method: Named,
  given: ReadonlyMap<string, Value>,
  { w, keepsZeros = false }: { readonly w?: Float64Array; readonly keepsZeros?: boolean } = {},
): Promise<ReadonlyMap<string, Float64Array>> {
  const { bench, layer } = await shared();
  const { x } = layer;
  const { graphs, made } = compiled(method, given, keepsZeros);
  const inputs = new Map([
    ["w", w ?? layer.w],
    ["dense:w", layer.w],
  ]);
  for (const { node, slot } of made.statistics) {
    const { outputs } = await bench.run(
      { graph: graphs.graph("calibrate", [{ name: "a0", node }]), inputs: new Map([["x", x]]) },
      "software",
    );
    inputs.set(slot, outputs.get("a0") ?? new Float64Array());
  }
  const { outputs } = await bench.run({ graph: graphs.graph("compress", made.outputs), inputs }, "software");
  for (const { output, must } of made.checks)
    if (must === "none") assert.equal(outputs.get(output), Float64Array.of(0), output);
  return outputs;
}

/** The layer: its matrix, what goes in, and ‖X(W − V)ᵀ‖ / ‖XWᵀ‖ of other matrices. */
export interface Layer {
  readonly w: Float64Array;
  readonly x: Float64Array;
  readonly outputError: (v: Float64Array) => number;
}

async function readLayer(): Promise<Layer> {
  const [w, x] = await Promise.all(["W", "X"].map((name) => numbersIn("case0", name)));
  if (!w || !x) throw new Error("the oracles have no layer");
  const moment = momentOf(x);
  const whole = sizeThrough(moment, w);
  const outputError = (v: Float64Array): number =>
    Math.sqrt(
      sizeThrough(
        moment,
        w.map((value, i) => value - (v[i] ?? NaN)),
      ) / whole,
    );
  return { w, x, outputError };
}

/** The layer and the process's device. */
interface Opened {
  readonly layer: Layer;
  readonly bench: Bench;
}

let opened: Promise<Opened> | undefined;

/** What the tests of a file share. */
export function shared(): Promise<Opened> {
  opened ??= Promise.all([readLayer(), openBench()]).then(([layer, bench]) => ({ layer, bench }));
  return opened;
}

/** Closes the device, if it is open. */
export const closeShared = async (): Promise<void> => (await opened)?.bench.device.close();

/** XᵀX */
function momentOf(x: Float64Array): Float64Array {
  const moment = new Float64Array(columns * columns);
  for (let token = 0; token < tokens; token++) {
    const row = x.subarray(token * columns, (token + 1) * columns);
    for (const [i, a] of row.entries()) {
      const sums = moment.subarray(i * columns, (i + 1) * columns);
      for (let j = 0; j < columns; j++) sums[j] = (sums[j] as number) + a * (row[j] as number);
    }
  }
  return moment;
}

/** The trace of V XᵀX Vᵀ. */
function sizeThrough(moment: Float64Array, v: Float64Array): number {
  let size = 0;
  for (let start = 0; start < v.length; start += columns) {
    const row = v.subarray(start, start + columns);
    for (const [i, a] of row.entries()) {
      const along = moment.subarray(i * columns, (i + 1) * columns);
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += (along[j] as number) * (row[j] as number);
      size += a * sum;
    }
  }
  return size;
}

/** What codes stand for that lie along the columns; `groups` says to which scale and zero point of a row a column belongs. */
export function valuesOf(
  [codes, scales, zeros]: readonly (Float64Array | undefined)[],
  groups: (column: number) => number,
): Float64Array {
  const perRow = (scales?.length ?? 0) / rows;
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const at = Math.floor(i / columns) * perRow + groups(i % columns);
    return ((codes?.[i] ?? NaN) - (zeros?.[at] ?? NaN)) * (scales?.[at] ?? NaN);
  });
}
