/** The type of a node, from its inputs and attributes. What is refused here the checker has already told the user. */
import { invariant } from "../invariant.ts";
import { type DType, readAs } from "../plan/dtype.ts";
import type { Output } from "./graph.ts";
import type { Node, OpName, Ops } from "./ops.ts";
import { agree, count, type Dim, showType, sizeOf, type TensorType } from "./type.ts";

/** The type that the primitive gives for these inputs; the inputs' own types are taken as they are. */
export function resultType<K extends OpName>(op: K, inputs: Ops[K]["inputs"], attrs: Ops[K]["attrs"]): TensorType {
  const type = rules[op](inputs, attrs);
  checkDims(op, type.dims);
  return type;
}

/** The dtype in which an output lies in memory. */
export const storedAs = ({ node, store }: Output): DType => store ?? node.type.dtype;

/** The same dims in the same order. */
export const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((dim, i) => dim.name === b[i]?.name && dim.size === b[i]?.size);

type TypeRules = { readonly [K in OpName]: (inputs: Ops[K]["inputs"], attrs: Ops[K]["attrs"]) => TensorType };

const numbers: readonly DType[] = ["f32", "i32", "u32"];
const integers: readonly DType[] = ["i32", "u32"];

const float = ([x]: readonly [Node]): TensorType => elementwise("a function of reals", [x], ["f32"]);
const signed = ([x]: readonly [Node]): TensorType => elementwise("a sign", [x], ["f32", "i32"]);
const arithmetic = (inputs: readonly [Node, Node]): TensorType => elementwise("arithmetic", inputs, numbers);
const real = (inputs: readonly [Node, Node]): TensorType => elementwise("real arithmetic", inputs, ["f32"]);
const signedPair = (inputs: readonly [Node, Node]): TensorType => elementwise("division", inputs, ["f32", "i32"]);
const logic = (inputs: readonly Node[]): TensorType => elementwise("logic", inputs, ["bool"]);
const order = (inputs: readonly [Node, Node]): TensorType => ({
  ...elementwise("an order", inputs, numbers),
  dtype: "bool",
});

const rules: TypeRules = {
  constant: (_, { value, dtype }) => {
    invariant(!integers.includes(dtype) || agree(value, Math.floor(value)), `constant ${value} is not ${dtype}`);
    return { dtype, dims: [] };
  },
  input: (_, { type }) => type,
  index: (_, { dim }) => ({ dtype: "i32", dims: [dim] }),

  neg: signed,
  abs: signed,
  exp: float,
  log: float,
  log2: float,
  sqrt: float,
  rsqrt: float,
  sin: float,
  cos: float,
  tanh: float,
  erf: float,
  floor: float,
  round: float,
  not: logic,
  cast: ([x], { dtype }) => ({ dtype, dims: x.type.dims }),
  detach: ([x]) => x.type,

  add: arithmetic,
  sub: arithmetic,
  mul: arithmetic,
  min: arithmetic,
  max: arithmetic,
  mod: arithmetic,
  div: signedPair,
  pow: real,
  random: (inputs) => ({ ...elementwise("random", inputs, ["i32"]), dtype: "f32" }),
  less: order,
  lessEqual: order,
  equal: (inputs) => ({ ...elementwise("equal", inputs, [...numbers, "bool"]), dtype: "bool" }),
  and: logic,
  or: logic,
  select: ([condition, then, otherwise]) => {
    invariant(condition.type.dtype === "bool", `select on ${showType(condition.type)}`);
    const { dtype } = elementwise("select", [then, otherwise], [...numbers, "bool"]);
    return { dtype, dims: union([then, otherwise, condition]) };
  },

  reduce: ([x], { by, over }) => {
    invariant(numbers.includes(readAs(x.type.dtype)), `${by} of ${showType(x.type)}`);
    invariant(by !== "argmax" || over.length === 1, `argmax over ${over.length} dimensions`);
    return { dtype: by === "argmax" ? "i32" : readAs(x.type.dtype), dims: without(by, x, over) };
  },
  rename: ([x], { from, to }) => {
    invariant(sizeOf(x.type, from) !== undefined, `rename of ${from}, absent from ${showType(x.type)}`);
    return { ...x.type, dims: x.type.dims.map((dim) => (dim.name === from ? { name: to, size: dim.size } : dim)) };
  },
  split: ([x], { dim, into }) => {
    const size = sizeOf(x.type, dim);
    invariant(
      size !== undefined && agree(size, count({ dims: into })),
      `split of ${dim} of ${showType(x.type)} into ${show(into)}`,
    );
    return { ...x.type, dims: x.type.dims.flatMap((old) => (old.name === dim ? into : [old])) };
  },
  merge: ([x], { dims, into }) => {
    const rest = without("merge", x, dims);
    const merged = {
      name: into,
      size: count({ dims: x.type.dims.filter(({ name }) => !rest.some((dim) => dim.name === name)) }),
    };
    return {
      ...x.type,
      dims: x.type.dims.flatMap((dim) => (dim.name === dims[0] ? [merged] : dims.includes(dim.name) ? [] : [dim])),
    };
  },
  gather: ([x, at], { dim }) => {
    invariant(integers.includes(at.type.dtype), `gather at ${showType(at.type)}`);
    const rest = without("gather", x, [dim]);
    const made = at.type.dims.filter(({ name }) => !rest.some((other) => other.name === name));
    union([{ type: { dims: rest } }, at]);
    return { ...x.type, dims: x.type.dims.flatMap((old) => (old.name === dim ? made : [old])) };
  },
  best: ([x], { keep, over }) => {
    const size = count(x.type) / count({ dims: without("best", x, over) });
    invariant(numbers.includes(readAs(x.type.dtype)), `best of ${showType(x.type)}`);
    invariant(agree(keep, Math.min(Math.max(Math.floor(keep), 0), size)), `best ${keep} of ${size}`);
    return { dtype: "bool", dims: x.type.dims };
  },
  order: ([x], { over }) => {
    without("order", x, [over]);
    return { ...elementwise("order", [x], ["f32"]), dtype: "i32" };
  },
  cholesky: square,
  triangularInverse: square,
  eigenvectors: square,
  feedback: ([x, u], { along, across, levels }) => {
    const size = sizeOf(x.type, along) ?? Number.NaN;
    const isFactor = u.type.dims.length === 2 && along !== across && sizeOf(x.type, across) === undefined;
    const isSquare = [along, across].every((name) => agree(sizeOf(u.type, name) ?? -1, size));
    invariant(isFactor && isSquare, `feedback on ${showType(x.type)} through ${showType(u.type)}`);
    without("feedback", x, [along]);
    const runs = levels.map(({ dim }) => dim);
    invariant(levels.length > 0 && agree(count({ dims: runs }), size), `feedback along ${along} in ${show(runs)}`);
    return elementwise("feedback", [x], ["f32"]);
  },
  part: ([of], { level, output }) => {
    const given = of.op === "feedback" ? of.attrs.levels : [];
    const found = given[level]?.body.outputs.find(({ name }) => name === output);
    invariant(found !== undefined, `no part ${output} of level ${level} of ${of.op}`);
    const dims = [...given.slice(0, level + 1).map(({ dim }) => dim), ...found.node.type.dims];
    return { dtype: readAs(found.node.type.dtype), dims };
  },
};

/** The matrices' own type. */
function square(
  [x]: readonly [Node],
  { rows, columns }: { readonly rows: string; readonly columns: string },
): TensorType {
  without("a matrix", x, [rows, columns]);
  const [height, width] = [sizeOf(x.type, rows) ?? Number.NaN, sizeOf(x.type, columns) ?? Number.NaN];
  invariant(agree(height, width), `a matrix of ${height} rows and ${width} columns`);
  return elementwise("a matrix", [x], ["f32"]);
}

/** Operands align by name and agree in dtype once stored types are read. */
function elementwise(what: string, inputs: readonly Node[], allowed: readonly DType[]): TensorType {
  const dtypes = inputs.map(({ type }) => readAs(type.dtype));
  const dtype = dtypes[0];
  const types = inputs.map(({ type }) => showType(type)).join(" and ");
  invariant(dtype !== undefined && dtypes.every((other) => other === dtype), `${what} mixes ${types}`);
  invariant(allowed.includes(dtype), `${what} on ${types}`);
  return { dtype, dims: union(inputs) };
}

/** All dimensions, those of the first operand first. */
function union(inputs: readonly { readonly type: { readonly dims: readonly Dim[] } }[]): readonly Dim[] {
  const dims = new Map<string, Dim>();
  for (const { type } of inputs)
    for (const dim of type.dims) {
      const known = dims.get(dim.name);
      invariant(known === undefined || agree(known.size, dim.size), `${dim.name} is ${known?.size} and ${dim.size}`);
      if (known === undefined) dims.set(dim.name, dim);
    }
  return [...dims.values()];
}

/** The dimensions of `x` without the named ones, which must be there and distinct. */
function without(what: string, x: Node, names: readonly string[]): readonly Dim[] {
  invariant(names.length > 0 && new Set(names).size === names.length, `${what} over (${names.join(", ")})`);
  for (const name of names)
    invariant(sizeOf(x.type, name) !== undefined, `${what} over ${name}, absent from ${showType(x.type)}`);
  return x.type.dims.filter(({ name }) => !names.includes(name));
}

function checkDims(op: OpName, dims: readonly Dim[]): void {
  const isSize = (size: number): boolean => agree(size, Math.max(1, Math.floor(size)));
  invariant(
    dims.every(({ size }) => isSize(size)),
    `${op} gives a size that is not a positive whole number: ${show(dims)}`,
  );
  invariant(new Set(dims.map(({ name }) => name)).size === dims.length, `${op} gives a dimension twice: ${show(dims)}`);
}

const show = (dims: readonly Dim[]): string => `(${dims.map(({ name, size }) => `${name}: ${size}`).join(", ")})`;
