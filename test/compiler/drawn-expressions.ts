/** Expressions at random, drawn by their dimensions: each has exactly those that are asked for. */
import type { Random } from "../ops/random.ts";

/** Something that has a name: a tensor of real numbers. */
export interface Named {
  readonly text: string;
  readonly dims: readonly string[];
}

/** Functions that a program declares, by what a call makes of a tensor along one of its dimensions. */
export interface Declared {
  /** `name(x, over d)` has the dimensions of x. */
  readonly keeping: readonly string[];
  /** `name(x, over d)` lacks `d`. */
  readonly reducing: readonly string[];
  /** `name(n)` is a whole number from 1, of one that is. */
  readonly counting: readonly string[];
}

/** A body under construction: the lines before its value, and what they may read. */
export interface Body {
  readonly random: Random;
  readonly lines: string[];
  readonly values: Named[];
  /** Numbers, truth values and sparsities that are known before a run. */
  readonly numbers: readonly string[];
  readonly truths: readonly string[];
  readonly sparsities: readonly string[];
  readonly declared: Declared;
  readonly fresh: (letter: string) => string;
}

type Dims = readonly string[];
type Draw = (body: Body, dims: Dims, depth: number) => string;

const isSame = (a: Dims, b: Dims): boolean => a.length === b.length && a.every((dim) => b.includes(dim));
const without = (dims: Dims, ...gone: readonly string[]): Dims => dims.filter((dim) => !gone.includes(dim));

export const over = (dims: Dims): string => (dims.length === 1 ? `${dims[0]}` : `(${dims.join(", ")})`);

/** Names of values and dimensions that nothing else has. */
export function freshNames(): Body["fresh"] {
  const counts = new Map<string, number>();
  return (letter) => {
    counts.set(letter, (counts.get(letter) ?? 0) + 1);
    return `${letter}${counts.get(letter)}`;
  };
}

/** Binds a text to a name. */
function named(body: Body, text: string, dims: Dims): string {
  const name = body.fresh("v");
  body.lines.push(`let ${name} = ${text}`);
  body.values.push({ text: name, dims });
  return name;
}

/** A real tensor with these dimensions. */
export const draw: Draw = (body, dims, depth) => {
  const { random } = body;
  if (depth <= 0) return leaf(body, dims);
  return random.pick(dims.length === 0 ? scalars : tensors)(body, dims, depth - 1);
};

const leaf = (body: Body, dims: Dims): string => {
  const { random, values, numbers } = body;
  const known = values.filter((value) => isSame(value.dims, dims));
  if (known.length > 0 && random.unit() < 0.9) return random.pick(known).text;
  const [first, ...rest] = random.shuffle(dims);
  if (first === undefined) return random.pick([...numbers, "0.5", "2", "1e-3", "0.125"]);
  const one = values.find((value) => isSame(value.dims, [first]))?.text ?? `(index(${first}) + 1) / size(${first})`;
  return rest.length === 0 ? one : `${one} * ${leaf(body, rest)}`;
};

const element: Draw = (body, dims, depth) => {
  const x = draw(body, dims, depth);
  return body.random.pick([
    `abs(${x})`,
    `-(${x})`,
    `sqrt(abs(${x}))`,
    `exp(-abs(${x}))`,
    `round(${x})`,
    `tanh(${x})`,
    `(${x})^2`,
    `f16(${x})`,
    `clamp(${x}, -1, 1)`,
    `max(${x}, 0)`,
  ]);
};

const some = ({ random }: Body, dims: Dims): Dims => random.shuffle(dims).slice(0, random.integer(0, dims.length));

/** Both operands in a sum, of which one has all dimensions. */
const aligned: Draw = (body, dims, depth) => {
  const [all, few] = [draw(body, dims, depth), draw(body, some(body, dims), depth)];
  const [a, b] = body.random.shuffle([all, few]);
  return body.random.pick([`(${a}) + (${b})`, `(${a}) - (${b})`, `max(${a}, ${b})`, `min(${a}, ${b})`]);
};

/** Both operands of a product, which have all dimensions together. */
const product: Draw = (body, dims, depth) => {
  const left = some(body, dims);
  const right = [...without(dims, ...left), ...some(body, left)];
  const [a, b] = [draw(body, left, depth), draw(body, right, depth)];
  return body.random.pick([`(${a}) * (${b})`, `(${a}) / (1 + abs(${b}))`]);
};

const reductions = ["sum", "mean", "max", "min", "norm"] as const;

/** One more dimension, that of a value at hand, and less it again. */
const reduced: Draw = (body, dims, depth) => {
  const { random, values, declared } = body;
  const others = values.flatMap((value) => without(value.dims, ...dims));
  if (others.length === 0) return draw(body, dims, depth);
  const gone = random.pick(others);
  const x = draw(body, [...dims, gone], depth);
  return random.pick([
    ...reductions.map((by) => `${by}(${x}, over ${gone})`),
    ...declared.reducing.map((name) => `${name}(${x}, over ${gone})`),
    `(${x})[${gone}: argmax(${x}, over ${gone})]`,
    `(${x})[${gone}: 0]`,
  ]);
};

const comparison = (body: Body, dims: Dims, depth: number): string => {
  const { random } = body;
  const [a, b] = [draw(body, dims, depth), draw(body, some(body, dims), 0)];
  const compared = `${a} ${random.pick(["<", ">", "<=", ">=", "==", "!="])} (${b})`;
  return random.pick([compared, `not (${compared})`, `(${compared}) and ${a} != 0`]);
};

const chosen: Draw = (body, dims, depth) => {
  const { random, truths } = body;
  // What is known picks a branch, and the result has the dimensions of that branch alone.
  if (truths.length > 0 && random.unit() < 0.5)
    return `((${draw(body, dims, depth)}) where ${random.pick(truths)} else (${draw(body, dims, depth)}))`;
  const [a, b] = [draw(body, dims, depth), draw(body, some(body, dims), depth)];
  const condition = comparison(body, dims, depth);
  return `((${a}) where ${condition}${random.pick([` else (${b})`, " else 0", ""])})`;
};

/** A count of places along a dimension. */
const count = ({ random, sparsities, declared }: Body, dim: string): string =>
  random.pick([
    "1",
    "2",
    `floor(size(${dim}) / 2)`,
    `size(${dim}) - floor(25% * size(${dim}))`,
    ...sparsities.map((sparsity) => `min(size(${dim}), ${sparsity}.keep(${dim}))`),
    ...declared.counting.map((name) => `${name}(size(${dim}))`),
  ]);

const best: Draw = (body, dims, depth) => {
  const dim = body.random.pick(dims);
  return `((${draw(body, dims, depth)}) where best(${draw(body, dims, 0)}, ${count(body, dim)}, over ${dim}))`;
};

/** Groups of neighbours, and what is made of them. */
const grouped: Draw = (body, dims, depth) => {
  const { random, fresh, sparsities } = body;
  const dim = random.pick(dims);
  const [outer, lane] = [fresh("g"), fresh("l")];
  const length = random.pick(["2", "4", `size(${dim}) / 2`, ...sparsities.map((name) => `${name}.cell(${dim})`)]);
  const before = body.values.length;
  named(body, `split(${draw(body, dims, depth)}, ${dim} -> (${outer}, ${lane}: ${length}))`, [
    ...without(dims, dim),
    outer,
    lane,
  ]);
  const inside = draw(body, [...without(dims, dim), outer, lane], depth);
  body.values.splice(before);
  return `merge(${inside}, (${outer}, ${lane}) -> ${dim})`;
};

/** All pairs of places along a dimension. */
const paired: Draw = (body, dims, depth) => {
  const { random, fresh } = body;
  const [dim, other] = [random.pick(dims), fresh("p")];
  const x = named(body, draw(body, dims, depth), dims);
  const twin = `rename(${x}, ${dim} -> ${other})`;
  return `${random.pick(reductions)}(${x} * ${twin}, over ${other})`;
};

const gathered: Draw = (body, dims, depth) => {
  const { random } = body;
  const [dim, x] = [random.pick(dims), draw(body, dims, depth)];
  const at = random.pick([`min(index(${dim}) + 1, size(${dim}) - 1)`, `size(${dim}) - 1 - index(${dim})`]);
  return `(${x})[${dim}: ${at}]`;
};

/** The best of several scales. */
const searched: Draw = (body, dims, depth) => {
  const grid = body.fresh("q");
  const x = named(body, draw(body, dims, depth), dims);
  const tried = body.fresh("v");
  body.lines.push(`let ${tried} = round(${x} * (1 - index(${grid}: 5) / 10))`);
  return `${tried}[${grid}: argmin(sum((${tried} - ${x})^2, over ${over(dims)}), over ${grid})]`;
};

const called: Draw = (body, dims, depth) => {
  const { random, declared } = body;
  if (declared.keeping.length === 0) return element(body, dims, depth);
  return `${random.pick(declared.keeping)}(${draw(body, dims, depth)}, over ${random.pick(dims)})`;
};

/** A record of two, and one of its fields. */
const recorded: Draw = (body, dims, depth) => {
  const name = body.fresh("r");
  const [a, b] = [draw(body, dims, depth), draw(body, some(body, dims), depth)];
  body.lines.push(`let ${name} = { first: ${a}, second: ${b} }`);
  return `(${name}.first + ${name}.second)`;
};

const bound: Draw = (body, dims, depth) => named(body, draw(body, dims, depth), dims);

const everywhere = [element, aligned, product, reduced, chosen, bound, recorded];
const scalars: readonly Draw[] = [...everywhere, reduced, reduced];
const tensors: readonly Draw[] = [...everywhere, best, grouped, paired, gathered, searched, called, called];
