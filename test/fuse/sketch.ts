/** Graphs for tests of fusion: a Llama block, written with the primitives alone. */
import type { Graph } from "../../compiler/graph/graph.ts";
import { maker } from "../../compiler/graph/make.ts";
import type { Body, Node, OpName, Ops } from "../../compiler/graph/ops.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import type { DType } from "../../compiler/plan/dtype.ts";
import type { Span } from "../../grammar/source.ts";

export interface BlockSizes {
  readonly token: number;
  readonly model: number;
  readonly kv: number;
  readonly group: number;
  readonly head: number;
  readonly mlp: number;
}

type Sizes = Readonly<Record<string, number>>;
type WithoutAttrs = { [K in OpName]: Record<never, never> extends Ops[K]["attrs"] ? K : never }[OpName];

/** Short words for writing a graph; every node is written at `name:1:1`. */
export function words(name: string) {
  const { make, graph, body } = maker();
  const origin: Span = { file: { path: name, text: "" }, start: 0, end: 0 };
  const dims = (sizes: Sizes) => Object.entries(sizes).map(([name, size]) => ({ name, size }));
  const constant = (value: number, dtype: DType = "f32"): Node => make("constant", [], { value, dtype }, origin);
  const op = (op: WithoutAttrs, ...inputs: readonly (Node | number)[]): Node =>
    make(op, inputs.map((x) => (typeof x === "number" ? constant(x) : x)) as never, {} as never, origin);
  return {
    op,
    constant,
    data: (name: string, sizes: Sizes, dtype: DType = "f32"): Node =>
      make("input", [], { name, type: { dtype, dims: dims(sizes) }, role: "data" }, origin),
    weight: (name: string, sizes: Sizes, dtype: DType = "f32"): Node =>
      make("input", [], { name, type: { dtype, dims: dims(sizes) }, role: "weight" }, origin),
    index: (name: string, size: number): Node => make("index", [], { dim: { name, size } }, origin),
    reduce: (by: Ops["reduce"]["attrs"]["by"], x: Node, ...over: readonly string[]): Node =>
      make("reduce", [x], { by, over }, origin),
    rename: (x: Node, from: string, to: string): Node => make("rename", [x], { from, to }, origin),
    split: (x: Node, dim: string, into: Sizes): Node => make("split", [x], { dim, into: dims(into) }, origin),
    merge: (x: Node, dims: readonly string[], into: string): Node => make("merge", [x], { dims, into }, origin),
    gather: (x: Node, dim: string, at: Node): Node => make("gather", [x, at], { dim }, origin),
    cast: (x: Node, dtype: DType): Node => make("cast", [x], { dtype }, origin),
    cholesky: (x: Node, rows: string, columns: string): Node => make("cholesky", [x], { rows, columns }, origin),
    eigenvectors: (x: Node, rows: string, columns: string): Node =>
      make("eigenvectors", [x], { rows, columns }, origin),
    best: (x: Node, keep: number, ...over: readonly string[]): Node => make("best", [x], { keep, over }, origin),
    feedback: (x: Node, u: Node, sweep: Ops["feedback"]["attrs"]): Node => make("feedback", [x, u], sweep, origin),
    body: (outputs: Readonly<Record<string, Node>>): Body =>
      body(
        "body",
        Object.entries(outputs).map(([name, node]) => ({ name, node })),
      ),
    graph: (outputs: Readonly<Record<string, Node>>): Graph =>
      graph(
        name,
        Object.entries(outputs).map(([name, node]) => ({ name, node })),
      ),
  };
}

export type Words = ReturnType<typeof words>;

export const dot = ({ op, reduce }: Words, a: Node, b: Node, ...over: readonly string[]): Node =>
  reduce("sum", op("mul", a, b), ...over);

export const silu = ({ op }: Words, x: Node): Node => op("div", x, op("add", op("exp", op("neg", x)), 1));

export function softmax({ op, reduce }: Words, x: Node, over: string): Node {
  const e = op("exp", op("sub", x, op("detach", reduce("max", x, over))));
  return op("div", e, reduce("sum", e, over));
}

export function rmsNorm({ op, reduce }: Words, x: Node, gain: Node, size: number): Node {
  const mean = op("div", reduce("sum", op("mul", x, x), "model"), size);
  return op("mul", op("mul", x, op("rsqrt", op("add", mean, 1e-5))), gain);
}

/** On pairs (i, i + head / 2). */
function rope(w: Words, x: Node, token: number, head: number): Node {
  const freq = head / 2;
  const pair = w.split(x, "head", { half: 2, freq });
  const power = w.op("div", w.op("neg", w.cast(w.index("freq", freq), "f32")), freq);
  const angle = w.op("mul", w.cast(w.index("token", token), "f32"), w.op("pow", 10000, power));
  const [cos, sin] = [w.op("cos", angle), w.op("sin", angle)];
  const at = (i: number): Node => w.gather(pair, "half", w.constant(i, "i32"));
  const [a, b] = [at(0), at(1)];
  const first = w.op("sub", w.op("mul", a, cos), w.op("mul", b, sin));
  const second = w.op("add", w.op("mul", b, cos), w.op("mul", a, sin));
  return w.merge(
    w.op("select", w.op("equal", w.index("half", 2), w.constant(0, "i32")), first, second),
    ["half", "freq"],
    "head",
  );
}

/** The forward pass of a block on one sequence. */
export function llamaBlock({ token, model, kv, group, head, mlp }: BlockSizes, stored: DType = "f32"): Graph {
  const w = words("block");
  const weight = (name: string, sizes: Sizes): Node => w.weight(name, sizes, stored);
  const x = w.data("x", { token, model });
  const a = rmsNorm(w, x, weight("attn_norm", { model }), model);
  const q = dot(w, a, weight("q", { kv, group, head, model }), "model");
  const k = dot(w, a, weight("k", { kv, head, model }), "model");
  const v = w.rename(dot(w, a, weight("v", { kv, head, model }), "model"), "token", "seen");
  const rotated = w.rename(rope(w, k, token, head), "token", "seen");
  const score = w.op("div", dot(w, rope(w, q, token, head), rotated, "head"), Math.sqrt(head));
  const past = w.op(
    "select",
    w.op("lessEqual", w.index("seen", token), w.index("token", token)),
    score,
    -3.4028234663852886e38,
  );
  const mixed = dot(w, softmax(w, past, "seen"), v, "seen");
  const y = w.op("add", x, dot(w, mixed, weight("o", { model, kv, group, head }), "kv", "group", "head"));
  const normed = rmsNorm(w, y, weight("mlp_norm", { model }), model);
  const gate = dot(w, normed, weight("gate", { mlp, model }), "model");
  const up = dot(w, normed, weight("up", { mlp, model }), "model");
  const neuron = w.op("mul", silu(w, gate), up);
  return w.graph({ y: w.op("add", y, dot(w, neuron, weight("down", { model, mlp }), "mlp")) });
}

/** A software adapter with subgroups of eight, as lavapipe has them. */
export const facts: DeviceFacts = {
  kind: "lavapipe",
  software: true,
  hasF16: true,
  hasSubgroups: true,
  subgroupMinSize: 8,
  subgroupMaxSize: 8,
  subgroupMatrices: [],
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 31,
  maxStorageBuffersPerShaderStage: 16,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 32768,
  maxComputeWorkgroupsPerDimension: 65535,
};
