/** Methods at random whose sizes are extreme, whose expressions are deep, and whose choices are wide. */
import type { ModelFacts } from "../../compiler/model/facts.ts";
import type { Random } from "../ops/random.ts";

/** 1, powers of two and their neighbours, and what 31 and 32 bits end at. */
const sizes = [
  1,
  1,
  1,
  2,
  3,
  4,
  7,
  8,
  15,
  16,
  17,
  31,
  32,
  33,
  63,
  64,
  65,
  127,
  128,
  129,
  255,
  256,
  257,
  1023,
  1024,
  4096,
  65535,
  65536,
  65537,
  2 ** 20 - 1,
  2 ** 20,
  2 ** 24,
  2 ** 25 + 1,
  2 ** 30,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 31 + 1,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 40,
  2 ** 53,
];
const small = sizes.filter((size) => size <= 257);

type Dims = Readonly<Record<string, number>>;

/** An expression with the sizes of its dimensions. */
interface Drawn {
  readonly text: string;
  readonly dims: Dims;
}

/** A method under construction: its lines, and names for what they bind and for dimensions. */
interface Draft {
  readonly random: Random;
  readonly lines: string[];
  readonly fresh: (letter: string) => string;
}

type Drawing = (x: Drawn, draft: Draft) => Drawn;

const without = (dims: Dims, names: readonly string[]): Dims =>
  Object.fromEntries(Object.entries(dims).filter(([name]) => !names.includes(name)));
const some = (dims: Dims, { shuffle, integer }: Random): readonly string[] => {
  const names = shuffle(Object.keys(dims));
  return names.slice(0, integer(1, names.length));
};

const number = ({ integer }: Random): string => String(integer(1, 400) / 16);

const element: Drawing = ({ text, dims }, { random }) => {
  const a = number(random);
  const texts = [
    `sin(${text})`,
    `abs(${text})`,
    `-(${text})`,
    `max(${text}, ${a})`,
    `(${text}) * ${a}`,
    `${a} - (${text})`,
    `round(${text})`,
  ];
  return { text: random.pick(texts), dims };
};

/** A sum, a chain of functions or choices, of many. */
const deep: Drawing = ({ text, dims }, { random }) => {
  const [many, kind] = [random.pick([3, 31, 32, 33, 64, 127, 128, 129, 160, 256]), random.integer(0, 4)];
  const numbers = Array.from({ length: many }, (_, i) => (i + 1) / 8);
  const deepened = [
    () => numbers.map((a) => `sin(${text} * ${a})`).join(" + "),
    () => numbers.reduce((inner, a) => `${a} - max(${inner}, ${text})`, text),
    () => `${numbers.map((a) => `${text} * ${a} where ${text} > ${a}`).join(" else ")} else 0`,
    () => numbers.map(() => `(${text})`).join(" * "),
    () => numbers.reduceRight((inner, a) => `min(${a}, abs(${inner}))`, text),
  ];
  return { text: `(${deepened[kind]?.()})`, dims };
};

const outer: Drawing = ({ text, dims }, { random, fresh }) => {
  const [name, size] = [fresh("d"), random.pick(sizes)];
  return { text: `(${text}) * index(${name}: ${size})`, dims: { ...dims, [name]: size } };
};

const reduce: Drawing = (x, { random }) => {
  const names = some(x.dims, random);
  const over = names.length === 1 ? names[0] : `(${names.join(", ")})`;
  return {
    text: `${random.pick(["sum", "max", "min", "mean", "norm"])}(${x.text}, over ${over})`,
    dims: without(x.dims, names),
  };
};

const split: Drawing = ({ text, dims }, { random, fresh }) => {
  const [name, size] = random.pick(Object.entries(dims));
  const parts = [1, 2, 3, 16, 32, 65536, size].filter((part) => size % part === 0);
  const [a, b, part] = [fresh("s"), fresh("s"), random.pick(parts)];
  return {
    text: `split(${text}, ${name} -> (${a}, ${b}: ${part}))`,
    dims: { ...without(dims, [name]), [a]: size / part, [b]: part },
  };
};

const merge: Drawing = ({ text, dims }, { random, fresh }) => {
  const names = random.shuffle(Object.keys(dims)).slice(0, random.integer(1, 3));
  const size = names.reduce((product, name) => product * (dims[name] ?? 1), 1);
  const into = fresh("m");
  return { text: `merge(${text}, (${names.join(", ")}) -> ${into})`, dims: { ...without(dims, names), [into]: size } };
};

const best: Drawing = ({ text, dims }, { random }) => {
  const [name, size] = random.pick(Object.entries(dims));
  const keep = random.pick([1, size, Math.ceil(size / 2), Math.min(size, 7)]);
  return { text: `${text} where best(${text}, ${keep}, over ${name})`, dims };
};

const gather: Drawing = ({ text, dims }, { random, fresh }) => {
  const [name, size] = random.pick(Object.entries(dims));
  const step = fresh("g");
  const many = Math.max(1, Math.floor(size / random.pick([1, 2, 1000])));
  const from = random.integer(0, Math.min(3, size - many));
  const choices: readonly Drawn[] = [
    { text: `${text}[${name}: argmax(${text}, over ${name})]`, dims: without(dims, [name]) },
    { text: `${text}[${name}: ${size - 1}]`, dims: without(dims, [name]) },
    {
      text: `${text}[${name}: ${from} .. ${from + many} as ${step}]`,
      dims: { ...without(dims, [name]), [step]: many },
    },
    { text: `${text}[${name}: ${size} - 1 - index(${name})]`, dims },
    { text: `${text}[${name}: i32(abs(${text}))]`, dims },
  ];
  return random.pick(choices);
};

const product: Drawing = ({ text, dims }, { random, fresh }) => {
  const [names, other] = [Object.keys(dims), fresh("p")];
  const [kept = "", over = kept] = random.shuffle(names);
  const dim = over === kept ? other : kept;
  const second = over === kept ? text : `rename(${text}, ${kept} -> ${other})`;
  return {
    text: `sum((${text}) * ${second}, over ${over})`,
    dims: { ...without(dims, [over]), ...(over === kept ? {} : { [kept]: dims[dim] ?? 1, [other]: dims[kept] ?? 1 }) },
  };
};

/** As a scale of itself, along a dimension. */
const scaled: Drawing = ({ text, dims }, { random }) => {
  const name = random.pick(Object.keys(dims));
  return {
    text: random.pick([
      `exp(${text} - max(${text}, over ${name}))`,
      `(${text}) / sum(${text}, over ${name})`,
      `${text} - mean(${text}, over ${name})`,
    ]),
    dims,
  };
};

const steps: readonly Drawing[] = [
  element,
  element,
  deep,
  outer,
  reduce,
  reduce,
  split,
  merge,
  best,
  gather,
  product,
  scaled,
];

/** A recipe whose method is drawn, and the headers of the model that it is for. */
export function drawExtreme(random: Random): { readonly source: string; readonly model: ModelFacts } {
  const names = new Map<string, number>();
  const fresh = (letter: string): string => {
    names.set(letter, (names.get(letter) ?? 0) + 1);
    return `${letter}${names.get(letter)}`;
  };
  const draft: Draft = { random, lines: [], fresh };
  const [vocab, model] = [random.pick([...small, 65536]), random.pick([...small, 4096])];
  let value: Drawn = { text: "w", dims: { out: vocab, in: model } };
  const again = random.unit() < 0.1 ? random.pick(steps) : undefined;
  for (let left = again === undefined ? random.integer(1, 6) : random.integer(8, 60); left > 0; left--) {
    const dims = Object.keys(value.dims).length;
    const made = (dims === 0 ? outer : (again ?? random.pick(steps)))(value, draft);
    const name = fresh("v");
    draft.lines.push(`  let ${name} = ${made.text}`);
    value = { text: name, dims: made.dims };
  }
  const rest = Object.keys(without(value.dims, ["out", "in"]));
  const result = rest.length === 0 ? value.text : `max(${value.text}, over (${rest.join(", ")}))`;
  const source = `arch own for "OwnForCausalLM" {
  dim vocab = config.vocab_size
  dim model = config.hidden_size
  table embed: f32[vocab, model] at "embed.weight"
  linear head: model -> vocab at "head"

  fn forward(tokens: i32[token]) -> f32[token, vocab] = head(embed[vocab: tokens])
}

method drawn() on linear(w: f32[out, in]) {
${draft.lines.join("\n")}
  w + ${result}
}

recipe trial(model: Model) {
  stage made = drawn() of model for head
  save made as "huggingface"
}
`;
  const shape = { dtype: "F32", shape: [vocab, model], bytes: 4 * vocab * model };
  const config = { architectures: ["OwnForCausalLM"], vocab_size: vocab, hidden_size: model };
  return {
    source,
    model: { name: "own", config, tensors: new Map(["embed.weight", "head.weight"].map((name) => [name, shape])) },
  };
}
