/** What is measured, and the least that it must reach. */
import { dot, softmax, words } from "../test/fuse/sketch.ts";
import { blockLine } from "./block.ts";
import { type Line, once, peerLine } from "./line.ts";
import { eigenvectors, factors, fitBlock, gptqBlock, gptqLayer, restoration } from "./methods.ts";
import { definite, random, transposed, type Values } from "./values.ts";
import { type WholeLine, wholeLine } from "./whole.ts";

/** Sums of at most 1024 products, each rounded: far within this share of the largest. */
const tolerance = 1e-5;

/** A square product; the second factor is a weight, which lcomp lays out when it is bound, or data. */
function squareProduct(size: number, second: "weight" | "data", least: number): Line {
  const w = words("product");
  const a = w.data("a", { m: size, k: size });
  const b = w[second]("b", { k: size, n: size });
  const inputs = { a: random(1, size, size), b: random(2, size, size) };
  return {
    name: second === "weight" ? `product ${size}` : `product ${size}, both data`,
    tasks: once(w.graph({ y: dot(w, a, b, "k") }), inputs),
    ...{ tolerance, least },
    tfjs: peerLine(inputs, (tf, { a, b }) => tf.matMul(a, b)),
    jax: peerLine(inputs, ({ numpy }, { a, b }) => numpy.matmul(a, b)),
    blas: ({ product }) => product({ m: size, n: size, k: size }),
    ...(second === "weight" ? { shared: { program: "gemm_run", size } as const } : {}),
  };
}

/** A linear layer: the weight is stored as [out, in]. tfjs gets it transposed, since it is faster so; jax-js is not. */
function linear(token: number, out: number, model: number): Line {
  const w = words("linear");
  const x = w.data("a", { token, model });
  const weight = w.weight("b", { out, model });
  const inputs = { a: random(1, token, model), b: random(2, out, model) };
  return {
    name: `linear ${token} × ${out}×${model}`,
    tasks: once(w.graph({ y: dot(w, x, weight, "model") }), inputs),
    ...{ tolerance, least: 1 },
    tfjs: peerLine({ a: inputs.a, b: transposed(inputs.b) }, (tf, { a, b }) => tf.matMul(a, b)),
    jax: peerLine(inputs, ({ numpy }, { a, b }) => numpy.einsum("ti,oi->to", a, b)),
    blas: ({ product }) => product({ m: token, n: out, k: model }),
  };
}

/** Eight operations, as chain.mjs has them. */
function chain(size: number): Line {
  const { op, data, graph } = words("chain");
  const x = data("x", { i: size });
  const v = op("log", op("add", op("sqrt", op("add", op("tanh", op("exp", x)), 1)), 1));
  const sigmoid = op("div", 1, op("add", op("exp", op("neg", op("add", op("mul", v, v), 0.5))), 1));
  const inputs = { x: random(3, size) };
  return {
    name: `chain of 8, ${size / 2 ** 20} Mi`,
    tasks: once(graph({ y: op("max", sigmoid, 0.1) }), inputs),
    ...{ tolerance: 1e-5, least: 1.5 },
    tfjs: peerLine(inputs, (tf, { x }) => {
      const v = tf.log(tf.add(tf.sqrt(tf.add(tf.tanh(tf.exp(x)), 1)), 1));
      return tf.maximum(tf.sigmoid(tf.add(tf.square(v), 0.5)), 0.1);
    }),
    jax: peerLine(inputs, ({ numpy }, { x }) => {
      const v = numpy.log(numpy.sqrt(numpy.tanh(numpy.exp(x)).add(1)).add(1));
      const squared = v.ref.mul(v).add(0.5);
      return numpy.maximum(numpy.reciprocal(numpy.exp(squared.neg()).add(1)), 0.1);
    }),
    shared: { program: "chain" },
  };
}

function rowSoftmax(rows: number, columns: number): Line {
  const w = words("softmax");
  const inputs = { x: random(4, rows, columns) };
  return {
    name: `softmax ${rows}×${columns}`,
    tasks: once(w.graph({ y: softmax(w, w.data("x", { row: rows, column: columns }), "column") }), inputs),
    ...{ tolerance: 1e-5, least: 1 },
    tfjs: peerLine(inputs, (tf, { x }) => tf.softmax(x)),
    jax: peerLine(inputs, ({ nn }, { x }) => nn.softmax(x, -1)),
  };
}

/** Cholesky's factor, beside a product of the same size, which takes six times as many operations. */
function factor(size: number): Line {
  const { cholesky, graph, data } = words("cholesky");
  const h = data("h", { row: size, column: size });
  return {
    name: `cholesky ${size}`,
    tasks: once(graph({ y: cholesky(h, "row", "column") }), { h: definite(6, size) }),
    ...{ tolerance, least: 1 },
    blas: ({ compute }) => compute("cholesky", size),
    beside: squareProduct(size, "weight", 1),
  };
}

/** A linear layer whose weights are codes of four bits in groups of 128, beside the one of numbers that they stand for. */
function decoded(token: number, out: number, model: number): Line {
  const w = words("decoded");
  const [lane, block] = [128, model / 128];
  const x = w.data("a", { token, model });
  const code = w.weight("code", { out, block, lane }, "u4");
  const [scale, zero] = [w.weight("scale", { out, block }, "f16"), w.weight("zero", { out, block }, "u4")];
  const centred = w.cast(w.op("sub", code, zero), "f32");
  const weight = w.merge(w.op("mul", scale, centred), ["block", "lane"], "model");
  const drawn = (seed: number, of: (value: number) => number, ...shape: readonly number[]): Values => {
    const { values } = random(seed, ...shape);
    return { shape, values: values.map(of) };
  };
  const codes = drawn(7, (value) => Math.floor(16 * (value + 0.5)), out, block, lane);
  const scales = drawn(8, (value) => Math.fround(Math.round(1024 * (value + 1)) / 2 ** 14), out, block);
  const zeros = drawn(9, (value) => Math.floor(16 * (value + 0.5)), out, block);
  const dense = codes.values.map((value, i) => {
    const at = Math.floor(i / lane);
    return (scales.values[at] ?? 0) * (value - (zeros.values[at] ?? 0));
  });
  const inputs = { a: random(1, token, model), b: { shape: [out, model], values: dense } };
  const plain = words("linear");
  const [a, b] = [plain.data("a", { token, model }), plain.weight("b", { out, model })];
  return {
    name: `W4 ${token} × ${out}×${model}`,
    tasks: once(w.graph({ y: dot(w, x, weight, "model") }), { a: inputs.a, code: codes, scale: scales, zero: zeros }),
    ...{ tolerance, least: 0.5 },
    tfjs: peerLine({ a: inputs.a, b: transposed(inputs.b) }, (tf, { a, b }) => tf.matMul(a, b)),
    beside: { name: "linear f32", tasks: once(plain.graph({ y: dot(plain, a, b, "model") }), inputs) },
    blas: ({ product }) => product({ m: token, n: out, k: model }),
  };
}

/** All lines of kernels, each made when it is its turn. */
export const lines: Readonly<Record<string, () => Line | Promise<Line>>> = {
  "product 256": () => squareProduct(256, "weight", 1),
  "product 512": () => squareProduct(512, "weight", 1.5),
  "product 1024": () => squareProduct(1024, "weight", 1.5),
  "product 256, both data": () => squareProduct(256, "data", 1),
  "product 512, both data": () => squareProduct(512, "data", 1),
  "product 1024, both data": () => squareProduct(1024, "data", 1),
  "cholesky 1024": () => factor(1024),
  "linear 128×128": () => linear(512, 128, 128),
  "linear 384×128": () => linear(512, 384, 128),
  "linear 1024×128": () => linear(512, 1024, 128),
  "W4 512 × 1024×1024": () => decoded(512, 1024, 1024),
  "W4 1 × 1024×1024": () => decoded(1, 1024, 1024),
  "GPTQ W4 1024": () => gptqLayer(1024),
  "GPTQ W4 of a block": () => gptqBlock(8),
  "restoration 1024": () => restoration(1024),
  "factors 1024": () => factors(1024, 64),
  "eigh 512": () => eigenvectors(512),
  "fit of a block": () => fitBlock(2),
  chain: () => chain(2 ** 20),
  "softmax 4096×512": () => rowSoftmax(4096, 512),
  "softmax 512×1024": () => rowSoftmax(512, 1024),
  "block of examples/tiny": () => blockLine("examples/tiny"),
};

/** Those of whole models, in processes of their own. */
export const wholeLines: Readonly<Record<string, WholeLine>> = {
  "RTN of 2 GB": wholeLine("RTN W4 of 2 GB, saved", "rtn", { least: 0 }),
  "Q4_0 of 2 GB": wholeLine("RTN to Q4_0 of 2 GB, saved", "q4_0", { least: 0.5, quantiser: true }),
};
