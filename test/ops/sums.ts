/** Sums of terms of very different sizes, which cancel: what is added in another order, or not as a whole, is far off. */
import type { Node } from "../../compiler/graph/ops.ts";
import type { MakeCase } from "./cases.ts";
import { between, cancelling, shape } from "./random.ts";
import { type Sketch, sketch, some } from "./sketch.ts";

/** A term of a sum: few operations on the inputs, on constants and on an index. */
function termOf(s: Sketch, inputs: readonly Node[], index: Node): Node {
  const { random } = s;
  const leaf = (): Node =>
    random.pick([
      () => random.pick(inputs),
      () => random.pick(inputs),
      () => s.constant(random.pick([0.1, -3, 1e6])),
      () => s.op("mul", s.cast(index, "f32"), random.pick([0.3, -7e5])),
    ])();
  const product = (): Node => s.op("mul", random.pick(inputs), random.pick(inputs));
  const operand = (): Node => random.pick([leaf, leaf, product, () => s.op("neg", leaf())])();
  const between = (): Node => s.op(random.pick(["add", "sub"]), operand(), operand());
  return random.pick([between, between, () => s.op(random.pick(["add", "sub"]), between(), between()), operand])();
}

/** Each factor is very large or very small, and divided by what makes it 1 or so: f32 holds all of it, as it is written. */
export const scaledToFit: MakeCase = (random) => {
  const s = sketch(random);
  const { m, k } = shape(random, ["m", "k"], 4000);
  const scaled = (): Node => {
    const size = Math.fround(10 ** between(-36, 36)(random));
    const x = s.input({ m, k }, { draw: between(size / 2, size) });
    return random.pick([
      () => s.op("div", x, s.reduce("max", x, "k")),
      () => s.op("div", x, s.input({ m }, { draw: () => size })),
      () => s.op("div", x, size),
      () => s.op("mul", x, Math.fround(1 / size)),
    ])();
  };
  const [a, b, c] = [scaled(), scaled(), scaled()];
  const term = random.pick([() => s.op("mul", a, b), () => s.op("mul", s.op("neg", a), s.op("div", b, c)), () => a])();
  return s.case(s.reduce("sum", term, "k"), s.reduce("sum", s.make("pow", [c, s.constant(2)], {}), "k"));
};

/** By what they are. */
export const sums: Readonly<Record<string, MakeCase>> = {
  "sums of terms that cancel": (random) => {
    const s = sketch(random);
    const draw = cancelling(random);
    const sizes = shape(random, ["a", "b", "c"], 4000);
    const inputs = [sizes, sizes, some(random, sizes), { c: sizes.c }].map((own) => s.input(own, { draw }));
    const [name, size] = random.pick(Object.entries(sizes));
    const sum = (): Node => {
      const term = s.op(
        "add",
        termOf(s, inputs, s.index(name, size)),
        s.op("sub", inputs[0] as Node, inputs[1] as Node),
      );
      return s.reduce("sum", term, ...random.shuffle(["a", "b", "c"]).slice(0, random.integer(1, 3)));
    };
    const [one, other] = [sum(), sum()];
    const observed = s.op(random.pick(["add", "sub"]), inputs[0] as Node, inputs[1] as Node);
    return s.case(one, s.op("sub", inputs[0] as Node, s.op("sub", inputs[1] as Node, other)), {
      node: observed,
      accumulate: "sum",
    });
  },
  "products of sums that cancel": (random) => {
    const s = sketch(random);
    const draw = cancelling(random);
    const { m, n, k } = shape(random, ["m", "n", "k"], 60_000);
    const [a, b] = [s.input({ m, k }, { draw }), s.input({ m, k }, { draw })];
    const [c, d] = [s.input({ n, k }, { role: "weight", draw }), s.input({ n, k }, { role: "weight", draw })];
    const sum = s.reduce(
      "sum",
      s.op("mul", s.op("sub", a, termOf(s, [a, b], s.index("k", k))), s.op("sub", c, d)),
      "k",
    );
    const [x, y] = [s.input({ m, n }, { draw }), s.input({ n }, { draw })];
    return s.case(s.op("sub", x, s.op("sub", s.op("neg", sum), y)), { node: s.op("sub", sum, x), accumulate: "sum" });
  },
  "sums of what is scaled to fit": scaledToFit,
};
