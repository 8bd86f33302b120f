/**
 * What is known of one element of a tensor without computing it: an abstract interpretation of a graph, from the element down to the
 * inputs, at places that are index expressions. What is no number is not reckoned with: it ends the run.
 */
import { bodyNames } from "../graph/bodies.ts";
import { elementOf, roundTo, type scalar } from "../graph/interpret.ts";
import { type BinaryOp, dispatch, type Node, type NodeOf, type Rules } from "../graph/ops.ts";
import { derived, type Range } from "../graph/range.ts";
import { count, sizeOf } from "../graph/type.ts";
import type { View } from "../graph/view.ts";
import { type Index, unflatten } from "../index/affine.ts";
import { backward, flatAt, indexAt, type Position } from "../index/position.ts";
import { wholeRange } from "../plan/dtype.ts";
import { keyAt, positionOf, type Read, type Space } from "./place.ts";

export interface Element {
  /** Equal for equal elements: the number, or the node and the place that it comes from. */
  readonly key: string;
  /** Of a truth value 0 or 1; null while that is not known. */
  readonly value: number | null;
  readonly range: Range;
}

/** A truth value that says whether an element is one of a run of which so many are chosen, whatever their scores. */
export interface Choice {
  readonly key: string;
  readonly keep: number;
  readonly of: number;
  /** Its place in the run, and where the run lies. */
  readonly at: Index;
  readonly run: readonly Index[];
}

/** What an element is, where others have such values, by their keys; and the choices that it depends on. */
export function elementAt(
  node: Node,
  at: Position,
  where: ReadonlyMap<string, number> = new Map(),
): Element & { readonly choices: readonly Choice[] } {
  const read = { data: new Map(), inverses: new Map() };
  const work: Work = { known: new Map(), read, where, choices: [], depth: 0 };
  return { ...elementIn(work, outside)(node, at), choices: work.choices };
}

interface Work {
  readonly known: Map<string, Element>;
  readonly read: Read;
  readonly where: ReadonlyMap<string, number>;
  readonly choices: Choice[];
  depth: number;
}

/** A space in which inputs may stand for elements of another. */
interface Around extends Space {
  readonly inputs: (name: string, at: Position) => Element | null;
}

const outside: Around = { key: "", standing: new Map(), inputs: () => null };

/** So deep are expressions followed, to so many elements: of what lies deeper, and of those that come after, nothing is known. Where
 *  rounds gather from the one before at two places, as a cumulative sum does, an element is made of as many as the dimension has. */
const deepest = 600;
const mostElements = 5000;

type ElementIn = (node: Node, at: Position) => Element;

const elementIn = (work: Work, around: Around): ElementIn => {
  const here: ElementIn = (node, at) => {
    const key = keyAt(node, at, around);
    const old = work.known.get(key);
    if (old) return old;
    work.depth++;
    const range = (x: Node): Range => here(x, at).range;
    const opaque = (): Element => unknown(key, derived(node, node.inputs.every((x) => isIn(x, node)) ? range : free));
    const isFar = work.depth > deepest || work.known.size > mostElements;
    const found = isFar ? opaque() : dispatch(rules, node, { at, here, opaque, work, around });
    work.depth--;
    const given = work.where.get(found.key);
    const made = given === undefined ? found : constant(given);
    work.known.set(key, made);
    return made;
  };
  return here;
};

/** Whether a node's places are places of its input. */
const isIn = (x: Node, { type }: Node): boolean => x.type.dims.every(({ name }) => sizeOf(type, name) !== undefined);

const free = (): Range => ({ low: -Infinity, high: Infinity, isWhole: false, hasNaN: true });

const unknown = (key: string, range: Range): Element => ({ key, value: null, range });

const constant = (value: number): Element => ({
  ...unknown(`${value + 0}`, { low: value, high: value, isWhole: Number.isInteger(value), hasNaN: false }),
  value: value + 0,
});

interface Asked {
  readonly at: Position;
  readonly here: ElementIn;
  /** What is known where no rule says more. */
  readonly opaque: () => Element;
  readonly work: Work;
  readonly around: Around;
}

type Scalar = keyof typeof scalar;

/** Of numbers the number. */
const plain = (node: NodeOf<Scalar>, { at, here, opaque }: Asked): Element => {
  const given = node.inputs.map((x: Node) => ({ value: here(x, at).value, dtype: x.type.dtype }));
  const numbers = given.flatMap(({ value, dtype }) => (value === null ? [] : [{ value, dtype }]));
  const value = numbers.length === given.length ? elementOf(node.op, numbers, node.type.dtype) : Number.NaN;
  return Number.isNaN(value) ? opaque() : constant(value);
};

/** A whole number stays what it is. */
const rounded = (node: NodeOf<"floor" | "round">, asked: Asked): Element => {
  const x = asked.here(node.inputs[0], asked.at);
  return x.range.isWhole ? x : plain(node, asked);
};

type Binary = { readonly [K in BinaryOp]: NodeOf<K> }[BinaryOp];

const operands = (node: Binary, { here, at }: Asked): readonly [Element, Element] => [
  here(node.inputs[0], at),
  here(node.inputs[1], at),
];

const added = (node: NodeOf<"add" | "sub">, asked: Asked): Element => {
  const [a, b] = operands(node, asked);
  if (b.value === 0) return a;
  if (node.op === "sub") return a.key === b.key ? constant(0) : plain(node, asked);
  return a.value === 0 ? b : plain(node, asked);
};

const multiplied = (node: NodeOf<"mul" | "and">, asked: Asked): Element => {
  const [a, b] = operands(node, asked);
  if (a.value === 0 || b.value === 0) return constant(0);
  if (a.value === 1 || b.value === 1) return a.value === 1 ? b : a;
  return plain(node, asked);
};

const divided = (node: NodeOf<"div">, asked: Asked): Element => {
  const [a, b] = operands(node, asked);
  if (a.value === 0) return a;
  return b.value === 1 ? a : plain(node, asked);
};

const either = (node: NodeOf<"or">, asked: Asked): Element => {
  const [a, b] = operands(node, asked);
  if (a.value !== null || b.value !== null) return a.value === 1 || b.value === 0 ? a : b;
  return plain(node, asked);
};

/** Of numbers whose order is known the one. */
const bounding = (node: NodeOf<"min" | "max">, asked: Asked): Element => {
  const [a, b] = operands(node, asked);
  const [low, high] = node.op === "min" ? [a, b] : [b, a];
  if (a.key === b.key || low.range.high <= high.range.low) return a;
  return high.range.high <= low.range.low ? b : plain(node, asked);
};

const compared = (node: NodeOf<"less" | "lessEqual" | "equal">, asked: Asked): Element => {
  const [a, b] = operands(node, asked);
  if (a.key === b.key) return constant(Number(node.op !== "less"));
  const isApart = a.range.high < b.range.low || b.range.high < a.range.low;
  if (node.op === "equal") return isApart ? constant(0) : plain(node, asked);
  if (a.range.high < b.range.low) return constant(1);
  return b.range.high < a.range.low ? constant(0) : plain(node, asked);
};

const chosen = (node: NodeOf<"select">, { at, here, opaque }: Asked): Element => {
  const [condition, then, otherwise] = node.inputs.map((x) => here(x, at)) as [Element, Element, Element];
  if (condition.value !== null) return condition.value === 0 ? otherwise : then;
  if (then.key === otherwise.key) return then;
  return opaque();
};

const viewed = (node: View, { at, here }: Asked): Element => here(node.inputs[0], backward(node, at));

const opaque = (_: Node, asked: Asked): Element => asked.opaque();

const rules: Rules<readonly [asked: Asked], Element> = {
  constant: ({ attrs: { value } }) => constant(value),
  input: ({ attrs: { name } }, { at, around, opaque }) => around.inputs(name, at) ?? opaque(),
  index: ({ attrs: { dim } }, { at, opaque }) => {
    const { terms, constant: value, key } = indexAt(at, dim);
    return terms.length === 0 ? constant(value) : { ...opaque(), key: `index ${key}` };
  },

  neg: plain,
  abs: plain,
  exp: plain,
  log: plain,
  log2: plain,
  sqrt: plain,
  rsqrt: plain,
  sin: plain,
  cos: plain,
  tanh: plain,
  erf: plain,
  floor: rounded,
  round: rounded,
  not: plain,
  cast: (node, { at, here, opaque }) => {
    const x = here(node.inputs[0], at);
    const { dtype } = node.type;
    if (x.value !== null) return constant(roundTo(dtype, x.value));
    const whole = wholeRange(dtype);
    const isHeld =
      dtype === "f32" || dtype === "i32" || (whole && x.range.low >= whole.low && x.range.high <= whole.high);
    return x.range.isWhole && isHeld ? x : opaque();
  },
  detach: viewed,

  add: added,
  sub: added,
  mul: multiplied,
  div: divided,
  pow: plain,
  min: bounding,
  max: bounding,
  mod: plain,
  random: plain,
  less: compared,
  lessEqual: compared,
  equal: compared,
  and: multiplied,
  or: either,
  select: chosen,
  reduce: opaque,

  rename: viewed,
  split: viewed,
  merge: viewed,
  gather: ({ inputs: [x, to], attrs: { dim } }, { at, here, work, around }) => {
    const index = positionOf(work.read, to, at, around, sizeOf(x.type, dim) ?? Number.NaN);
    return here(x, new Map([...at, [dim, index]]));
  },
  best: ({ inputs: [x], attrs: { keep, over } }, { at, opaque, work }) => {
    const within = over.flatMap((name) => x.type.dims.filter((dim) => dim.name === name));
    const others = x.type.dims.filter((dim) => !over.includes(dim.name));
    const of = count({ dims: within });
    if (keep === 0 || keep === of) return constant(Number(keep > 0));
    const run = others.map((dim) => indexAt(at, dim));
    const element = opaque();
    work.choices.push({ key: element.key, keep, of, at: flatAt(within, at), run });
    return element;
  },
  order: opaque,
  cholesky: opaque,
  triangularInverse: opaque,
  eigenvectors: opaque,
  feedback: (node, { at, work, around }) => {
    const { levels, along } = node.attrs;
    const column = indexAt(at, { name: along, size: sizeOf(node.type, along) ?? Number.NaN });
    const dims = levels.map(({ dim }) => dim.size);
    return ofBody(
      work,
      around,
      node,
      { level: levels.length - 1, output: bodyNames.frozen, positions: unflatten(column, dims) },
      at,
    );
  },
  part: ({ inputs: [of], attrs: { level, output } }, { at, opaque, work, around }) => {
    if (of.op !== "feedback") return opaque();
    const positions = of.attrs.levels.slice(0, level + 1).map(({ dim }) => indexAt(at, dim));
    return ofBody(work, around, of, { level, output, positions }, at);
  },
};

/** What the body of a level gives where the sweep stands at these positions of it and of those above. */
function ofBody(
  work: Work,
  around: Around,
  sweep: NodeOf<"feedback">,
  {
    level,
    output,
    positions,
  }: { readonly level: number; readonly output: string; readonly positions: readonly Index[] },
  at: Position,
): Element {
  const { levels } = sweep.attrs;
  const standing = new Map(
    positions.map((index, i) => [bodyNames.position(levels[i]?.dim.name ?? ""), index] as const),
  );
  const key = `${around.key}/${sweep.id} ${positions.map((index) => index.key).join()}`;
  const node = levels[level]?.body.outputs.find(({ name }) => name === output)?.node;
  const given = new Map(sweep.inputs.slice(2).map((x, i) => [bodyNames.given(i), x] as const));
  const inputs: Around["inputs"] = (name, place) => {
    const own = given.get(name);
    if (own) return elementIn(work, around)(own, place);
    for (const [i, { dim, body }] of levels.slice(0, level).entries())
      for (const above of body.outputs)
        if (name === bodyNames.above(dim.name, above.name))
          return ofBody(
            work,
            around,
            sweep,
            { level: i, output: above.name, positions: positions.slice(0, i + 1) },
            place,
          );
    return null;
  };
  const inside: Around = { key, standing, inputs };
  return node ? elementIn(work, inside)(node, at) : unknown(`${key} ${output}`, free());
}
