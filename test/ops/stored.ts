/** Graphs that read and write elements of less than a word. */
import type { Node } from "../../compiler/graph/ops.ts";
import { type DType, packedTypes, readAs } from "../../compiler/plan/dtype.ts";
import type { MakeCase } from "./cases.ts";
import { draws, shape } from "./random.ts";
import { sketch, some } from "./sketch.ts";

const weight = { role: "weight" } as const;

export const stored: Readonly<Record<string, MakeCase>> = {
  "stored halves times stored halves": (random) => {
    const s = sketch(random);
    const { m, n, k } = shape(random, ["m", "n", "k"], 60_000);
    const stored = random.pick<DType>(["f16", "bf16"]);
    const x = s.input({ m, k }, { dtype: random.pick<DType>([stored, "f32"]) });
    const y = s.reduce("sum", s.op("mul", x, s.input({ n, k }, { ...weight, dtype: stored })), "k");
    return s.case({ node: y, store: random.pick(["f16", "bf16", "f32"] as const) });
  },
  "codes with a scale of a block times activations": (random) => {
    const s = sketch(random);
    const { m, n, block, lane } = shape(random, ["m", "n", "block", "lane"], 20_000);
    const code = s.input({ n, block, lane }, { ...weight, dtype: random.pick(packedTypes), draw: draws.natural });
    const [scale, zero] = [
      s.input({ n, block }, { ...weight, dtype: "f16" }),
      s.input({ n, block }, { ...weight, dtype: "u4" }),
    ];
    const centred = s.op("sub", s.cast(code, "f32"), s.cast(zero, "f32"));
    const w = s.merge(s.op("mul", s.op("mul", centred, 1 / 64), scale), ["block", "lane"], "k");
    return s.case(s.reduce("sum", s.op("mul", s.input({ m, k: block * lane }), w), "k"), s.reduce("max", w, "k"));
  },
  "blocks rounded to codes": (random) => {
    const s = sketch(random);
    const { n, block, lane } = shape(random, ["n", "block", "lane"], 20_000);
    const x = s.input({ n, block, lane });
    const scale = s.op("add", s.op("div", s.reduce("max", s.op("abs", x), "lane"), 7), 1e-3);
    const code = s.cast(s.op("add", s.op("round", s.op("div", x, scale)), 8), "i32");
    const type = random.pick(packedTypes.filter((each) => readAs(each) === "i32"));
    return s.case({ node: s.merge(code, ["block", "lane"], "k"), store: type }, { node: scale, store: "f16" });
  },
  "codes of which a word has some of each part": (random) => {
    const s = sketch(random);
    const { n, lane } = shape(random, ["n", "lane"], 3000);
    const x = s.input({ n, part: random.pick([2, 4]), lane: 4 * lane }, { dtype: random.pick<DType>(["f32", "bf16"]) });
    const type = random.pick(packedTypes.filter((each) => readAs(each) === "i32"));
    const code = s.op("mul", s.cast(x, "f32"), 8);
    const turned = (node: Node): Node => s.merge(node, ["lane", "part"], "k");
    return s.case(turned(s.cast(code, type)), { node: turned(s.cast(code, "i32")), store: type });
  },
  "stored in half precision": (random) => {
    const s = sketch(random);
    const sizes = shape(random, ["row", "column"]);
    const x = s.input(sizes, { dtype: random.pick<DType>(["f16", "bf16"]) });
    const y = s.op("add", x, s.input(some(random, sizes), { dtype: "f16" }));
    const greatest = s.reduce("max", s.op("abs", x), "column");
    return s.case(
      ...[{ node: y, store: "f16" } as const, { node: y, store: "bf16" } as const, s.reduce("sum", x, "column")],
      { node: s.op("div", x, s.op("add", greatest, 0.5)), store: random.pick(["f16", "bf16"] as const) },
    );
  },
};
