/** Steps of the library's methods: a layer, or a whole block, beside what NumPy computes for the same. */
import { dot, words } from "../test/fuse/sketch.ts";
import { type Line, once, type Task } from "./line.ts";
import { type Llama, smollm2, square, stepsOf } from "./steps.ts";
import { definite, random } from "./values.ts";

/** The most by which a method may fall behind NumPy farther than a product does. */
const leastOfBeside = 1 / 1.3;

/** A plain product in the same rounds. */
function product(size: number): NonNullable<Line["beside"]> {
  const w = words("product");
  const [a, b] = [w.data("a", { m: size, k: size }), w.weight("b", { k: size, n: size })];
  return {
    name: "product",
    tasks: once(w.graph({ y: dot(w, a, b, "k") }), { a: random(1, size, size), b: random(2, size, size) }),
    blas: ({ product }) => product({ m: size, n: size, k: size }),
  };
}

const beside1024 = (): Pick<Line, "beside" | "tolerance" | "least"> => ({
  beside: product(1024),
  ...{ tolerance: 0, least: 0 },
});

const wordsOf = ({ hidden, intermediate, heads, kv }: Llama): readonly number[] => [hidden, intermediate, heads, kv];

/** Its factor, and the sweep. */
const stepsOfQ = ["from h of q, k, v", "q"];

/** GPTQ of a square layer, codes of four bits in groups of 128. */
export const gptqLayer = (size: number): Line => ({
  name: `GPTQ W4 ${size}×${size}`,
  tasks: stepsOf("docs/results/gptq.lcomp", square(size), gptq(128, 1), ({ what }) => stepsOfQ.includes(what)),
  ...beside1024(),
  blas: ({ compute }) => compute("gptq", size),
});

/** All that GPTQ does with a block: its statistics, its seven layers, and what the next block sees. */
export const gptqBlock = (samples: number): Line => ({
  name: `GPTQ W4 of a block, ${samples} windows`,
  tasks: stepsOf("docs/results/gptq.lcomp", smollm2, gptq(64, samples), () => true),
  ...beside1024(),
  leastOfBeside,
  blas: ({ compute }) => compute("gptq_block", samples, 512, ...wordsOf(smollm2)),
});

const gptq = (every: number, samples: number) => ({ every: `${every}`, length: "512", samples: `${samples}` });

/** What restoration does with a square layer of which half is 0: 16 rounds of conjugate gradients. */
export function restoration(size: number): Line {
  const given = { length: "512", samples: "1" };
  const isRestored = ({ of, what }: { readonly of: string; readonly what: string }) => of === "small" && what === "q";
  const tasks = stepsOf("docs/results/wanda_restored.lcomp", square(size), given, isRestored).map(masked);
  return {
    name: `restoration ${size}×${size}`,
    tasks,
    ...beside1024(),
    blas: ({ compute }) => compute("restore", size),
  };
}

/** Every other weight of the layer is 0. */
const masked = (task: Task): Task => {
  const { w, ...inputs } = task.inputs;
  if (w === undefined) throw new Error("restoration reads no weight");
  return { ...task, inputs: { ...inputs, w: { ...w, values: w.values.map((x, i) => (i % 2 === 0 ? x : 0)) } } };
};

/** The step of CALDERA that makes factors: the directions that hold most of a matrix, and what fits them. */
export const factors = (size: number, rank: number): Line => ({
  name: `factors of rank ${rank}, ${size}×${size}`,
  tasks: stepsOf("bench/factors.lcomp", square(size), { rank: `${rank}`, samples: "1" }, ({ what }) => what === "q"),
  ...beside1024(),
  blas: ({ compute }) => compute("factors", size, rank),
});

/** All eigenvectors of a symmetric matrix. */
export function eigenvectors(size: number): Line {
  const { eigenvectors, graph, data } = words("eigenvectors");
  const h = data("h", { row: size, column: size });
  return {
    name: `eigh ${size}`,
    tasks: once(graph({ y: eigenvectors(h, "row", "column") }), { h: definite(6, size) }),
    ...beside1024(),
    blas: ({ compute }) => compute("eigh", size),
  };
}

/** What the choice among six candidates computes for a block. */
export const fitBlock = (samples: number): Line => ({
  name: `fit of a block, ${samples} windows`,
  tasks: stepsOf("examples/budget.lcomp", smollm2, { ...gptq(64, samples), bytes: "1GiB" }, () => true),
  ...beside1024(),
});
