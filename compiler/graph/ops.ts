/**
 * The closed table of primitives. A rule table typed over `OpName` must have one rule per primitive, so that `tsc` lists what
 * is missing when a line is added here. There is no matrix product: it is a sum of a product, recognised by `fuse`.
 */
import type { Span } from "../../grammar/source.ts";
import type { DType } from "../plan/dtype.ts";
import type { Dim, TensorType } from "./type.ts";

interface Op<Inputs, Attrs = Record<never, never>> {
  readonly inputs: Inputs;
  readonly attrs: Attrs;
}
type Leaf<Attrs> = Op<readonly [], Attrs>;
type Unary<Attrs = Record<never, never>> = Op<readonly [x: Node], Attrs>;
type Binary<Attrs = Record<never, never>> = Op<readonly [a: Node, b: Node], Attrs>;

export interface Ops {
  /** A scalar of the node's dtype. */
  constant: Leaf<{ readonly value: number; readonly dtype: DType }>;
  /** A tensor that the runtime binds: a weight, an activation, tokens, an observation. Dims are in the order of memory. */
  input: Leaf<{ readonly name: string; readonly type: TensorType; readonly role: InputRole }>;
  /** 0, 1, 2 … along a dimension, as i32. */
  index: Leaf<{ readonly dim: Dim }>;

  neg: Unary;
  abs: Unary;
  exp: Unary;
  log: Unary;
  log2: Unary;
  sqrt: Unary;
  rsqrt: Unary;
  sin: Unary;
  cos: Unary;
  tanh: Unary;
  /** 2/√π · ∫ exp(-t²) dt from 0 to x. */
  erf: Unary;
  floor: Unary;
  /** Half to even. */
  round: Unary;
  not: Unary;
  /** To f32, i32 (towards zero), bool (non-zero), or rounded to a packed type and read back as such. */
  cast: Unary<{ readonly dtype: DType }>;
  /** The value; a gradient stops here. */
  detach: Unary;

  /** Operands align by name; the result has the union of their dimensions, those of the first first. */
  add: Binary;
  sub: Binary;
  mul: Binary;
  /** Of whole numbers the greatest whole number that is not above the quotient, and 0 of a division by 0. */
  div: Binary;
  pow: Binary;
  /** Of a NaN and another value the other, as WGSL's are on all adapters that we know. */
  min: Binary;
  max: Binary;
  /** Remainder with the sign of the divisor. */
  mod: Binary;
  /** Evenly from 0 to below 1, a multiple of 2^-24: of two i32, the upper bits of what Threefry gives for `(at, 0)` with the key `(seed, 0)`. */
  random: Op<readonly [at: Node, seed: Node]>;
  less: Binary;
  lessEqual: Binary;
  equal: Binary;
  and: Binary;
  or: Binary;
  select: Op<readonly [condition: Node, then: Node, otherwise: Node]>;

  /** Over one or several dimensions. `argmax` takes one, gives i32, and of equals the first. A sum with a NaN is NaN; the
   *  others pass over NaN, and start from -∞ or ∞ and place 0, which is what of nothing but NaN they give. */
  reduce: Unary<{ readonly by: "sum" | "max" | "min" | "argmax"; readonly over: readonly string[] }>;

  rename: Unary<{ readonly from: string; readonly to: string }>;
  /** `dim = into[0] · n + into[1] …`: the first of `into` varies slowest. */
  split: Unary<{ readonly dim: string; readonly into: readonly Dim[] }>;
  /** The inverse of `split`: `into = dims[0] · n + dims[1] …` */
  merge: Unary<{ readonly dims: readonly string[]; readonly into: string }>;
  /** `x` at the positions that the integer tensor gives along `dim`; the result has the dimensions of the positions in place of
   *  `dim`; those that x has too align. A position outside is taken to the nearest inside. A slice is a gather at `index(step) + start`. */
  gather: Op<readonly [x: Node, at: Node], { readonly dim: string }>;
  /** True for the `keep` greatest along the dimensions taken together (in the order given); of equals the later stay, as after a
   *  stable ascending sort. NaN is below all others, and `keep` stay whatever the values are. */
  best: Unary<{ readonly keep: number; readonly over: readonly string[] }>;
  /** Along `over`, the places of its elements in ascending order, as i32; of equals the first first, NaN before all others. */
  order: Unary<{ readonly over: string }>;
  /** The lower triangle l for which x = l · lᵀ, in x's own dimensions; of x the lower triangle is read. Where x is not positive
   *  definite, the columns of l are 0 from the first on whose pivot is no positive number (2^-126 at least). */
  cholesky: Unary<Matrix>;
  /** The inverse of a lower triangle, of which nothing above the diagonal is read, in its own dimensions. A row whose element of
   *  the diagonal is 0 is 0 in the inverse. */
  triangularInverse: Unary<Matrix>;
  /** The orthonormal v for which vᵀ · x · v is diagonal, in x's own dimensions: a vector for each of `columns`, in ascending order of
   *  what is on the diagonal, its greatest element above 0. Of x, which is symmetric, the lower triangle is read. NaN where x is none. */
  eigenvectors: Unary<Matrix>;
  /**
   * The columns of x along `along`, one after the other: column j takes the value q_j that the last level's body gives for it, and its
   * error (x_j - q_j) / u[j, j], times u[j, k], is taken from every later column k (Frantar et al., 2022, arXiv:2210.17323). Before
   * the first column of each run of a level, the level's body is evaluated on the values that the run has by then; `bodies.ts` says
   * what bodies read. The value are the q_j, in x's dimensions; `part` reads what else the bodies give.
   */
  feedback: Op<readonly [x: Node, u: Node, ...given: readonly Node[]], Sweep>;
  /** What the body of a level gives under a name, of all its runs: its dimensions after those of the levels down to its own. */
  part: Op<readonly [of: Node], { readonly level: number; readonly output: string }>;
}

export interface Sweep {
  readonly along: string;
  /** The dimension of u whose positions are those of the columns that take the errors; its other one is `along`. */
  readonly across: string;
  /** Outermost first; the sizes multiply to that of `along`. */
  readonly levels: readonly Level[];
}

export interface Level {
  readonly dim: Dim;
  readonly body: Body;
}

/** A graph of which nothing is accumulated or stored in another dtype. */
export interface Body {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly outputs: readonly { readonly name: string; readonly node: Node }[];
}

/** Two dimensions of one size; over all others, there is a matrix for each element. */
interface Matrix {
  readonly rows: string;
  readonly columns: string;
}

/** `weight`: bound once per block; `data`: bound anew per sample; `state`: an observation, bound once per block. */
export type InputRole = "weight" | "data" | "state";

export type OpName = keyof Ops;

/** The primitives of this form. */
type OpsLike<Form> = { [K in OpName]: Ops[K] extends Form ? (Form extends Ops[K] ? K : never) : never }[OpName];

/** Of one operand, and without attributes. */
export type UnaryOp = OpsLike<Unary>;
/** Of two operands. */
export type BinaryOp = OpsLike<Binary>;

export interface NodeOf<K extends OpName> {
  readonly id: number;
  readonly op: K;
  readonly inputs: Ops[K]["inputs"];
  readonly attrs: Ops[K]["attrs"];
  readonly type: TensorType;
  /** Where the user wrote it; survives every pass, so that a kernel can name its source lines. */
  readonly origin: Span;
}

/** A discriminated union on `op`. */
export type Node = { [K in OpName]: NodeOf<K> }[OpName];

/** One rule per primitive: `rule(node, ...rest)`. */
export type Rules<Rest extends readonly unknown[], Result> = {
  readonly [K in OpName]: (node: NodeOf<K>, ...rest: Rest) => Result;
};

/** Applies the rule of the node's primitive. TypeScript cannot see that the two agree: this is the only cast. */
export function dispatch<Rest extends readonly unknown[], Result>(
  rules: Rules<Rest, Result>,
  node: Node,
  ...rest: Rest
): Result {
  return (rules[node.op] as (node: Node, ...rest: Rest) => Result)(node, ...rest);
}
