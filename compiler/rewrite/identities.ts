/**
 * Identities, one a line. They hold for every finite value and keep NaN and infinity (a · 0 is not 0), up to the sign of
 * zero; nothing here rounds otherwise than the graph did, except `throughThin`, `leaveSum` and constants, which are rounded once.
 */
import { isWithin, reachOf } from "../graph/reach.ts";
import { sizeOf } from "../graph/type.ts";
import { fold, isConstant } from "./constants.ts";
import { leaveSum } from "./distribute.ts";
import { power } from "./power.ts";
import type { RewriteRules } from "./rewrite.ts";
import { throughThin } from "./thin.ts";
import { mergeOfSplit, splitOfMerge } from "./views.ts";

export const identities: RewriteRules = {
  constant: [],
  input: [],
  index: [],

  neg: [
    fold,
    ({ inputs: [x] }) => x.op === "neg" && x.inputs[0], // -(-x) = x
  ],
  abs: [
    fold,
    ({ inputs: [x] }, { make }) => x.op === "neg" && make("abs", [x.inputs[0]], {}), // |-x| = |x|
    ({ inputs: [x] }) => x.op === "abs" && x, // ||x|| = |x|
  ],
  exp: [fold],
  log: [fold],
  log2: [fold],
  sqrt: [fold],
  rsqrt: [fold],
  sin: [fold],
  cos: [fold],
  tanh: [fold],
  erf: [fold],
  floor: [
    fold,
    ({ inputs: [x] }) => (x.op === "floor" || x.op === "round") && x, // ⌊⌊x⌋⌋ = ⌊x⌋
  ],
  round: [
    fold,
    ({ inputs: [x] }) => (x.op === "floor" || x.op === "round") && x, // a whole number rounds to itself
  ],
  not: [
    fold,
    ({ inputs: [x] }) => x.op === "not" && x.inputs[0], // ¬¬x = x
  ],
  cast: [
    fold,
    ({ inputs: [x], attrs }) => x.type.dtype === attrs.dtype && x, // x is of that dtype
    ({ inputs: [x], attrs }) =>
      // f16 → f32 → f16 gives back what was there
      x.op === "cast" &&
      attrs.dtype !== "f32" &&
      x.attrs.dtype === "f32" &&
      x.inputs[0].type.dtype === attrs.dtype &&
      x.inputs[0],
    ({ inputs: [x], attrs }, { make }) =>
      // 0 and 1 are 0 and 1 in every dtype
      x.op === "cast" && x.inputs[0].type.dtype === "bool" && make("cast", [x.inputs[0]], attrs),
  ],
  detach: [({ inputs: [x] }) => x], // gradients are done with

  add: [
    fold,
    ({ inputs: [a, b] }) => isConstant(b, 0) && a, // a + 0 = a
    ({ inputs: [a, b] }) => isConstant(a, 0) && b, // 0 + b = b
    ({ inputs: [a, b] }, { make }) => b.op === "neg" && make("sub", [a, b.inputs[0]], {}), // a + -b = a - b
  ],
  sub: [
    fold,
    ({ inputs: [a, b] }) => isConstant(b, 0) && a, // a - 0 = a
    ({ inputs: [a, b] }, { make }) => isConstant(a, 0) && b.type.dtype !== "u32" && make("neg", [b], {}), // 0 - b = -b
    ({ inputs: [a, b] }, { make }) => b.op === "neg" && make("add", [a, b.inputs[0]], {}), // a - -b = a + b
  ],
  mul: [
    fold,
    ({ inputs: [a, b] }) => isConstant(b, 1) && a, // a · 1 = a
    ({ inputs: [a, b] }) => isConstant(a, 1) && b, // 1 · b = b
    ({ inputs: [a, b] }, { make }) => isConstant(b, -1) && make("neg", [a], {}), // a · -1 = -a
    ({ inputs: [a, b] }, { make }) => isConstant(a, -1) && make("neg", [b], {}), // -1 · b = -b
    ({ inputs: [a, b] }, { make }) => a.op === "neg" && b.op === "neg" && make("mul", [a.inputs[0], b.inputs[0]], {}), // -a · -b = a · b
  ],
  div: [
    fold,
    ({ inputs: [a, b] }) => isConstant(b, 1) && a, // a / 1 = a
    ({ inputs: [a, b] }, { make }) =>
      // a / 2ⁿ = a · 2⁻ⁿ, exactly
      b.op === "constant" &&
      b.type.dtype === "f32" &&
      isPowerOfTwo(b.attrs.value) &&
      make("mul", [a, make("constant", [], { value: 1 / b.attrs.value, dtype: "f32" })], {}),
  ],
  pow: [fold, power], // xⁿ, n small, as products and roots
  min: [fold, ({ inputs: [a, b] }) => a === b && a], // min(a, a) = a
  max: [fold, ({ inputs: [a, b] }) => a === b && a], // max(a, a) = a
  mod: [fold],
  random: [fold],

  less: [fold],
  lessEqual: [fold],
  equal: [fold],
  and: [
    fold,
    ({ inputs: [a, b] }) => (isConstant(b, 1) || a === b) && a, // a ∧ true = a ∧ a = a
    ({ inputs: [a, b] }) => isConstant(a, 1) && b, // true ∧ b = b
  ],
  or: [
    fold,
    ({ inputs: [a, b] }) => (isConstant(b, 0) || a === b) && a, // a ∨ false = a ∨ a = a
    ({ inputs: [a, b] }) => isConstant(a, 0) && b, // false ∨ b = b
  ],
  select: [
    ({ inputs: [condition, then, otherwise] }) =>
      condition.op === "constant" && (condition.attrs.value === 0 ? otherwise : then),
    ({ inputs: [, then, otherwise] }) => then === otherwise && then, // either way the same
    ({ inputs: [condition, then, otherwise] }, { make }) =>
      // if ¬c then a else b = if c then b else a
      condition.op === "not" && make("select", [condition.inputs[0], otherwise, then], {}),
  ],

  reduce: [
    ({ inputs: [x], attrs }, { make, isSingle }) =>
      // max over a of max over b = max over (b, a), and so for min: exact in any order
      (attrs.by === "max" || attrs.by === "min") &&
      x.op === "reduce" &&
      isSingle(x) &&
      x.attrs.by === attrs.by &&
      make("reduce", [x.inputs[0]], { by: attrs.by, over: [...x.attrs.over, ...attrs.over] }),
    throughThin, // Σ x · (q + Σ l·r) = Σ x·q + Σ l · (Σ x·r)
    leaveSum, // Σ a·b = a · Σ b where a lacks the dimensions of the sum
  ],
  rename: [
    ({ inputs: [x], attrs }) => attrs.from === attrs.to && x,
    ({ inputs: [x], attrs }, { make }) =>
      // a → b → c is a → c
      x.op === "rename" &&
      x.attrs.to === attrs.from &&
      make("rename", [x.inputs[0]], { from: x.attrs.from, to: attrs.to }),
    ({ inputs: [x], attrs }, { make }) =>
      x.op === "index" && make("index", [], { dim: { name: attrs.to, size: x.attrs.dim.size } }),
  ],
  split: [
    ({ inputs: [x], attrs }, { make }) =>
      // into one is a rename
      attrs.into.length === 1 && make("rename", [x], { from: attrs.dim, to: attrs.into[0]?.name ?? "" }),
    splitOfMerge,
  ],
  merge: [
    ({ inputs: [x], attrs }, { make }) =>
      // of one is a rename
      attrs.dims.length === 1 && make("rename", [x], { from: attrs.dims[0] ?? "", to: attrs.into }),
    mergeOfSplit,
  ],
  gather: [
    ({ inputs: [x, at] }) => x.op === "index" && isWithin(reachOf(at), x.attrs.dim.size) && at, // the i-th index is i
    ({ inputs: [x, at], attrs }, { make }) =>
      // at each position in turn, of a name that x has not: a rename
      at.op === "index" &&
      at.attrs.dim.size === sizeOf(x.type, attrs.dim) &&
      (at.attrs.dim.name === attrs.dim || sizeOf(x.type, at.attrs.dim.name) === undefined) &&
      make("rename", [x], { from: attrs.dim, to: at.attrs.dim.name }),
  ],
  best: [],
  order: [],
  cholesky: [],
  triangularInverse: [],
  eigenvectors: [],
  feedback: [],
  part: [],
};

const isPowerOfTwo = (value: number): boolean =>
  Math.abs(value) >= 2 ** -100 && Math.abs(value) <= 2 ** 100 && Number.isInteger(Math.log2(Math.abs(value)));
