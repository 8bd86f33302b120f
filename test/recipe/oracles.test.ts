/** Methods of the library, compiled as a recipe compiles them, against what their authors' code returns for one layer. */
import { existsSync } from "node:fs";
import * as assert from "uvu/assert";
import { type Maker, maker } from "../../compiler/graph/make.ts";
import { newContext } from "../../compiler/language/context.ts";
import { declareModules } from "../../compiler/language/declare.ts";
import { number } from "../../compiler/language/number.ts";
import { resolve } from "../../compiler/language/resolve.ts";
import { fixed } from "../../compiler/language/size.ts";
import type { Dimension, Tensor } from "../../compiler/language/tensor.ts";
import type { MethodValue, Sparsity } from "../../compiler/language/value.ts";
import { applyMethod, type Compression } from "../../compiler/recipe/method.ts";
import { accepted } from "../../grammar/diagnostic.ts";
import { readHeader } from "../../runtime/io/safetensors.ts";
import { library } from "../given/library.ts";
import { suite } from "../harness/suite.ts";
import { readTensor } from "../io/tensors.ts";
import { type Bench, openBench } from "../ops/run.ts";

const folder = "../shared/oracles";
const [rows, columns, tokens] = [256, 512, 2048];

async function matrix(file: string, name: string): Promise<Float64Array> {
  const { tensors } = await readHeader(`${folder}/${file}.safetensors`);
  const found = tensors.find((tensor) => tensor.name === name);
  if (!found) throw new Error(`${file} has no ${name}`);
  return Float64Array.from(new Float32Array((await readTensor(found)).slice().buffer));
}

const dimension = (name: string, size: number): Dimension => ({
  id: name,
  name,
  size: fixed(size),
  source: "the oracle",
});

/** A library's method on the oracle's layer: the graphs of its statistics and of what it makes of the matrix. */
function compiled(
  module: string,
  name: string,
  sparsity: Sparsity,
): { readonly graphs: Maker; readonly made: Compression } {
  const graphs = maker();
  const context = newContext(graphs);
  const file = library.read(module);
  const scope = file && declareModules(context, accepted(resolve(library, file))).scopes.get(module);
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
    from: dims.slice(1),
    to: [dimension("wide", rows)],
    isInFirst: false,
    among: null,
    tied: null,
    span,
  };
  const given = new Map([["sparsity", sparsity]]);
  const made = applyMethod(
    context,
    { method: value.method, scope: value.scope, arguments: given },
    { linear, dtype: "f32", input, windows: null },
  );
  assert.equal(context.found, []);
  if (!made) throw new Error(`${name} makes nothing`);
  return { graphs, made };
}

/** The pruned matrix, computed on the device. */
async function pruned(
  bench: Bench,
  module: string,
  name: string,
  sparsity: Sparsity,
  w: Float64Array,
  x: Float64Array,
): Promise<Float64Array> {
  const { graphs, made } = compiled(module, name, sparsity);
  const inputs = new Map([["w", w]]);
  for (const { node, slot } of made.statistics) {
    const { outputs } = await bench.run(
      { graph: graphs.graph("calibrate", [{ name: "a0", node }]), inputs: new Map([["x", x]]) },
      "software",
    );
    inputs.set(slot, outputs.get("a0") ?? new Float64Array());
  }
  const { outputs } = await bench.run({ graph: graphs.graph("compress", made.outputs), inputs }, "software");
  return outputs.get("result") ?? new Float64Array();
}

/** ‖X(W − V)ᵀ‖ / ‖XWᵀ‖ */
function outputError(x: Float64Array, w: Float64Array, v: Float64Array): number {
  let [error, whole] = [0, 0];
  for (let t = 0; t < tokens; t += 4)
    for (let o = 0; o < rows; o++) {
      let [a, b] = [0, 0];
      for (let i = 0; i < columns; i++) {
        const xi = x[t * columns + i] ?? NaN;
        const wi = w[o * columns + i] ?? NaN;
        a += xi * (wi - (v[o * columns + i] ?? NaN));
        b += xi * wi;
      }
      error += a * a;
      whole += b * b;
    }
  return Math.sqrt(error / whole);
}

const half: Sparsity = { kind: "sparsity", share: number(0.5), pattern: null };
const twoOfFour: Sparsity = { kind: "sparsity", share: null, pattern: { keep: 2, of: 4 } };
const cases = [
  ["wanda-50", "std/prune/wanda", "wanda", half],
  ["wanda-2of4", "std/prune/wanda", "wanda", twoOfFour],
  ["magnitude-50", "std/prune/magnitude", "magnitude", half],
  ["magnitude-2of4", "std/prune/magnitude", "magnitude", twoOfFour],
] as const;

suite("oracles", ({ test, skip }) => {
  for (const [file, module, name, sparsity] of cases) {
    const title = `${name} gives ${file}: masks at least 99.9 % equal, output error within 0.1 %`;
    if (!existsSync(folder)) {
      skip(title, "../shared is absent");
      continue;
    }
    test(title, async () => {
      const bench = await openBench();
      const [w, x, expected] = await Promise.all([matrix("case0", "W"), matrix("case0", "X"), matrix(file, "W")]);
      const found = await pruned(bench, module, name, sparsity, w, x);
      const equal = found.filter((value, i) => (value === 0) === (expected[i] === 0)).length;
      assert.ok(equal >= 0.999 * rows * columns, `${equal} of ${rows * columns} places agree`);
      assert.ok(
        found.every((value, i) => value === 0 || value === w[i]),
        "what stays is unchanged",
      );
      const [ours, theirs] = [outputError(x, w, found), outputError(x, w, expected)];
      assert.ok(Math.abs(ours - theirs) <= 0.001 * theirs, `output error ${ours}, the oracle's ${theirs}`);
      bench.device.close();
    });
  }
});
