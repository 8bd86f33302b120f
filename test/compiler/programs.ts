/** Programs of any size, for what compiling them costs. */
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Node } from "../../compiler/graph/ops.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import { dot, facts, words } from "../fuse/sketch.ts";

export interface Growing {
  /** A size from which on the program is of its final shape, so that counts are to double with it. */
  readonly least: number;
  readonly device: DeviceFacts;
  readonly graph: (size: number) => Graph;
}

const growing = (least: number, graph: Growing["graph"], device: DeviceFacts = facts): Growing => ({
  least,
  graph,
  device,
});

/** `x` after so many steps. */
function repeated(size: number, x: Node, step: (x: Node, i: number) => Node): Node {
  let result = x;
  for (let i = 0; i < size; i++) result = step(result, i);
  return result;
}

const named = (size: number, output: (i: number) => Node): Readonly<Record<string, Node>> =>
  Object.fromEntries(Array.from({ length: size }, (_, i) => [`y${i}`, output(i)]));

export const programs: Readonly<Record<string, Growing>> = {
  "deflations by power iteration": growing(64, (size) => {
    const w = words("deflation");
    const leading = (a: Node): Node => {
      const start = dot(w, a, w.reduce("sum", a, "in"), "out");
      const turned = dot(w, a, dot(w, a, start, "in"), "out");
      const length = w.op("sqrt", w.reduce("sum", w.op("mul", turned, turned), "in"));
      const v = w.op("div", turned, w.op("max", length, 1e-30));
      return w.op("mul", dot(w, a, v, "in"), v);
    };
    return w.graph({ y: repeated(size, w.weight("w", { out: 352, in: 128 }), (a) => w.op("sub", a, leading(a))) });
  }),

  "linear layers one after the other": growing(256, (size) => {
    const w = words("layers");
    const layer = (x: Node, i: number): Node =>
      w.rename(dot(w, x, w.weight(`w${i}`, { out: 96, model: 96 }), "model"), "out", "model");
    const x = w.data("x", { token: 64, model: 96 });
    return w.graph({ y: repeated(size, x, (y, i) => w.op("add", y, w.op("tanh", layer(y, i)))) });
  }),

  "linear layers beside each other": growing(192, (size) => {
    const w = words("heads");
    const x = w.data("x", { token: 64, model: 96 });
    return w.graph(named(size, (i) => dot(w, x, w.weight(`w${i}`, { out: 96, model: 96 }), "model")));
  }),

  "element-wise functions": growing(512, (size) => {
    const w = words("elements");
    const x = w.data("x", { a: 64, b: 96 });
    return w.graph({ y: repeated(size, x, (y, i) => w.op("add", w.op("mul", y, 1 + i / 7), w.op("sin", y))) });
  }),

  "choices within choices": growing(384, (size) => {
    const w = words("choices");
    const x = w.data("x", { a: 64, b: 96 });
    return w.graph({ y: repeated(size, x, (y, i) => w.op("select", w.op("less", x, i), w.op("mul", x, i + 2), y)) });
  }),

  "what follows a product": growing(512, (size) => {
    const w = words("epilogue");
    const x = w.data("x", { token: 64, model: 96 });
    const [a, b] = ["a", "b"].map((name) => dot(w, x, w.weight(name, { out: 96, model: 96 }), "model")) as [Node, Node];
    return w.graph({
      y: w.op(
        "mul",
        repeated(size, a, (y, i) => w.op("tanh", w.op("mul", y, i + 2))),
        b,
      ),
    });
  }),

  "groups of rows": growing(128, (size) => {
    const w = words("groups");
    const x = w.data("x", { a: 64, b: 96 });
    const centred = (y: Node): Node => {
      const parts = w.split(y, "b", { group: 12, lane: 8 });
      return w.merge(w.op("sub", parts, w.reduce("max", parts, "lane")), ["group", "lane"], "b");
    };
    return w.graph({ y: repeated(size, x, centred) });
  }),

  "shifted copies": growing(256, (size) => {
    const w = words("shifts");
    const next = w.op("min", w.op("add", w.index("b", 96), w.constant(1, "i32")), w.constant(95, "i32"));
    const x = w.data("x", { a: 64, b: 96 });
    return w.graph({ y: repeated(size, x, (y) => w.op("add", w.op("mul", y, 1.5), w.gather(y, "b", next))) });
  }),

  "the best of the best": growing(128, (size) => {
    const w = words("best");
    const kept = (y: Node, i: number): Node =>
      w.op("select", w.best(w.op("abs", y), 90 - (i % 50), "in"), w.op("mul", y, 1.25), 0);
    return w.graph({ y: repeated(size, w.weight("x", { out: 64, in: 96 }), kept) });
  }),

  "statistics of many tensors": growing(192, (size) => {
    const w = words("statistics");
    const scaled = (x: Node): Node => w.op("div", x, w.reduce("max", x, "b"));
    return w.graph(named(size, (i) => scaled(w.data(`x${i}`, { a: 300, b: 96 }))));
  }),

  "statistics of one tensor": growing(
    768,
    (size) => {
      const w = words("outputs");
      const x = w.data("x", { a: 300, b: 96 });
      return w.graph(
        named(size, (i) => w.reduce("sum", w.op("sin", w.op("mul", x, i + 0.5)), i % 2 === 0 ? "a" : "b")),
      );
    },
    { ...facts, maxStorageBuffersPerShaderStage: 4 },
  ),
};
