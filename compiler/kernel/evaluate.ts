/**
 * From nodes to expressions. A view substitutes indices and costs nothing; inlining a node is evaluating it where its reader
 * stands. What the group does not compute itself, `stored` gives.
 */
import { dispatch, type Node, type NodeOf, type Rules } from "../graph/ops.ts";
import { count, sizeOf } from "../graph/type.ts";
import { bounded, freshVariable, fromVariable, loaded } from "../index/affine.ts";
import { backward, indexAt, type Position, parts } from "../index/position.ts";
import { bug } from "../invariant.ts";
import { readAs, type ValueType } from "../plan/dtype.ts";
import { asIndex, type ElementOp, type Scalar, type Scalars } from "./scalar.ts";

/** The value of a node that this kernel does not compute: read from memory, or named by the text around. */
export type Stored = (node: Node, at: Position) => Scalar | undefined;

/** The node's value at a position, which names at least the node's dimensions. */
export type Evaluate = (node: Node, at: Position) => Scalar;

export const valueType = ({ type }: Pick<Node, "type">): ValueType => readAs(type.dtype);

/** Sums with more terms than this are interleaved. */
export const partials = 64;

export function evaluator(make: Scalars, stored: Stored): Evaluate {
  const known = new Map<string, Scalar>();
  const evaluate: Evaluate = (node, at) => {
    const own = new Map(node.type.dims.map((dim) => [dim.name, indexAt(at, dim)]));
    const key = `${node.id} ${[...own.values()].map(({ key }) => key).join(" ")}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const value = stored(node, own) ?? dispatch(rules, node, own, evaluate, make);
    known.set(key, value);
    return value;
  };
  return evaluate;
}

type Rest = readonly [at: Position, evaluate: Evaluate, make: Scalars];

const element = (node: NodeOf<ElementOp>, at: Position, evaluate: Evaluate, make: Scalars): Scalar => {
  const inputs: readonly Node[] = node.inputs;
  return make.apply(
    node.op,
    inputs.map((x) => evaluate(x, at)),
    valueType(node),
  );
};

const routine = ({ op, id }: Node): Scalar => bug(`${op} %${id} has no storage`);

const rules: Rules<Rest, Scalar> = {
  constant: (node, _at, _evaluate, make) => make.constant(node.attrs.value, valueType(node)),
  input: ({ attrs }) => bug(`input ${attrs.name} has no storage`),
  index: ({ attrs }, at, _evaluate, make) => make.index(indexAt(at, attrs.dim)),

  neg: element,
  abs: element,
  exp: element,
  log: element,
  log2: element,
  sqrt: element,
  rsqrt: element,
  sin: element,
  cos: element,
  tanh: element,
  erf: element,
  floor: element,
  round: element,
  not: element,
  cast: ({ inputs: [x], attrs }, at, evaluate, make) => make.cast(attrs.dtype, evaluate(x, at)),
  detach: ({ inputs: [x] }, at, evaluate) => evaluate(x, at),

  add: element,
  sub: element,
  mul: element,
  div: element,
  pow: element,
  min: element,
  max: element,
  mod: element,
  random: element,
  less: element,
  lessEqual: element,
  equal: element,
  and: element,
  or: element,
  select: element,

  reduce: ({ inputs: [x], attrs }, at, evaluate, make) => {
    const taken = new Set([...at.values()].flatMap(({ variables }) => [...variables]));
    const dims = termOrder(x, attrs.over).map((name) => ({ name, size: sizeOf(x.type, name) ?? 0 }));
    const over = freshVariable(attrs.over.join("_"), count({ dims }), taken);
    const inner = new Map([...at, ...parts(fromVariable(over), dims)]);
    return make.reduce(attrs.by, over, evaluate(x, inner), attrs.by === "sum" && isInterleaved(x, attrs.over));
  },
  rename: (node, at, evaluate) => evaluate(node.inputs[0], backward(node, at)),
  split: (node, at, evaluate) => evaluate(node.inputs[0], backward(node, at)),
  merge: (node, at, evaluate) => evaluate(node.inputs[0], backward(node, at)),
  gather: ({ inputs: [x, place], attrs }, at, evaluate) => {
    const size = sizeOf(x.type, attrs.dim) ?? 0;
    const value = evaluate(place, at);
    const affine = asIndex(value);
    const position = affine === undefined || affine.low < 0 ? loaded(value, size) : bounded(affine, size);
    return evaluate(x, new Map([...at, [attrs.dim, position]]));
  },
  best: routine,
  order: routine,
  cholesky: routine,
  triangularInverse: routine,
  eigenvectors: routine,
  feedback: routine,
  part: routine,
};

/** Whether a sum over these dimensions of `x` runs as 64 interleaved sums. */
const isInterleaved = (x: Node, over: readonly string[]): boolean =>
  count({ dims: x.type.dims.filter(({ name }) => over.includes(name)) }) > partials;

/** Interleaved terms are numbered as they lie in the operand's type, others in the order in which they are named. */
const termOrder = (x: Node, over: readonly string[]): readonly string[] =>
  isInterleaved(x, over) ? x.type.dims.map(({ name }) => name).filter((name) => over.includes(name)) : over;
