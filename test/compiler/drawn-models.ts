/** Architectures at random, and the headers of models that fit one, or nearly. */
import type { ModelFacts } from "../../compiler/model/facts.ts";
import type { Random } from "../ops/random.ts";

type Fields = Readonly<Record<string, number | boolean>>;

/** What an architecture's declarations say of a checkpoint. */
interface Stored {
  /** With `{layer}` for the number of a block. */
  readonly name: string;
  readonly dims: readonly string[];
  readonly isThere?: (config: Fields) => boolean;
}

export interface DrawnArch {
  readonly text: string;
  /** Linear layers of blocks, by their names. */
  readonly linears: readonly string[];
  /** What blocks show, with the dimensions of each beside `sample`. */
  readonly shown: ReadonlyMap<string, readonly string[]>;
  /** Dimensions that a method on blocks may select. */
  readonly selectable: readonly string[];
  readonly stored: readonly Stored[];
  /** Sizes of dimensions in a model with this config. */
  readonly sizes: ReadonlyMap<string, (config: Fields) => number>;
  /** Fields that nothing stands in for. */
  readonly needed: readonly string[];
}

/** A piece of a block: what it declares, what it adds to the stream `x`, and its tensors. */
interface Piece {
  readonly members: readonly string[];
  readonly body: (x: string, y: string) => readonly string[];
  readonly linears: readonly string[];
  readonly stored: readonly Stored[];
  readonly shown: readonly (readonly [string, readonly string[]])[];
}

interface Style {
  /** ` bias where …`, and whether there is one. */
  readonly bias: string;
  readonly hasBias: (config: Fields) => boolean;
  readonly probe: string;
}

const linear = (
  { bias, hasBias }: Style,
  name: string,
  from: readonly string[],
  to: readonly string[],
): { readonly member: string; readonly stored: readonly Stored[] } => {
  const side = (dims: readonly string[]): string => (dims.length === 1 ? `${dims[0]}` : `(${dims.join(", ")})`);
  const path = `blocks.{layer}.${name}`;
  return {
    member: `linear ${name}: ${side(from)} -> ${side(to)} at "${name}"${bias}`,
    stored: [
      { name: `${path}.weight`, dims: [to.join(" "), from.join(" ")] },
      { name: `${path}.bias`, dims: [to.join(" ")], isThere: hasBias },
    ],
  };
};

function piece(
  style: Style,
  linears: readonly (readonly [string, string, string])[],
  rest: Omit<Piece, "members" | "linears" | "stored">,
): Piece {
  const made = linears.map(([name, from, to]) => linear(style, name, from.split(" "), to.split(" ")));
  return {
    ...rest,
    members: made.map(({ member }) => member),
    linears: linears.map(([name]) => name),
    stored: made.flatMap(({ stored }) => stored),
  };
}

const pieces: readonly ((style: Style) => Piece)[] = [
  (style) =>
    piece(
      style,
      [
        ["gate", "model", "mlp"],
        ["up", "model", "mlp"],
        ["down", "mlp", "model"],
      ],
      {
        body: (x, y) => [`${style.probe} neuron = max(gate(${x}), 0) * up(${x})`, `let ${y} = ${x} + down(neuron)`],
        shown: style.probe === "probe" ? [["neuron", ["token", "mlp"]]] : [],
      },
    ),
  (style) =>
    piece(style, [["mix", "model", "model"]], {
      body: (x, y) => [`let ${y} = ${x} + tanh(mix(${x}))`],
      shown: [],
    }),
  (style) =>
    piece(
      style,
      [
        ["q", "model", "head lane"],
        ["k", "model", "head lane"],
        ["o", "head lane", "model"],
      ],
      {
        body: (x, y) => [
          `let key = rename(k(${x}), token -> seen)`,
          `let score = sum(q(${x}) * key, over lane)`,
          "let share = softmax(score where index(seen) <= index(token) else lowest, over seen)",
          `${style.probe} mixed = sum(share * key, over seen)`,
          `let ${y} = ${x} + o(mixed)`,
        ],
        shown: style.probe === "probe" ? [["mixed", ["token", "head", "lane"]]] : [],
      },
    ),
  () => ({
    members: ['weight gain: f32[model] at "norm.weight"'],
    body: (x, y) => [`let ${y} = rms_norm(${x}, gain, config.eps ?? 1e-6)`],
    linears: [],
    stored: [{ name: "blocks.{layer}.norm.weight", dims: ["model"] }],
    shown: [],
  }),
  () => ({
    members: [],
    body: (x, y) => [`let ${y} = ${x} where layer % 2 == 0 else ${x} * (layer + 1) / 2`],
    linears: [],
    stored: [],
    shown: [],
  }),
];

const heads = (config: Fields): number => Number(config["heads"]);
const hidden = (config: Fields): number => Number(config["hidden_size"]);

/** How large dimensions are: what an architecture says, and what that comes to. */
type Size = readonly [text: string, size: (config: Fields) => number, isFree?: true];

const ofMlp: readonly Size[] = [
  ["config.intermediate", ({ intermediate }) => Number(intermediate), true],
  ["config.intermediate ?? 4 * size(model)", ({ intermediate }) => Number(intermediate), true],
  ["2 * config.hidden_size", (config) => 2 * hidden(config)],
  ["size(model)", hidden],
  ["rounded(config.hidden_size)", (config) => 4 * Math.ceil(hidden(config) / 4)],
];
const ofLane: readonly Size[] = [
  ["config.lane", ({ lane }) => Number(lane), true],
  ["config.lane ?? config.hidden_size / config.heads", ({ lane }) => Number(lane), true],
  ["config.hidden_size / config.heads", (config) => hidden(config) / heads(config)],
];
const biases: readonly (readonly [string, Style["hasBias"]])[] = [
  ["", () => false],
  ["", ({ has_bias }) => has_bias === true],
  [" bias where config.has_bias", ({ has_bias }) => has_bias === true],
  [" bias where config.has_bias ?? false", ({ has_bias }) => has_bias === true],
  [" bias where false", () => false],
];
const ties = ["", " | tied embed", " | tied embed where config.tied", " | tied embed where config.tied ?? false"];

export function drawArch(random: Random): DrawnArch {
  const { pick, unit } = random;
  const [bias, hasBias] = pick(biases);
  const style: Style = { bias, hasBias, probe: pick(["probe", "probe", "let"]) };
  const [first, ...others] = pieces;
  const makers = [...(first ? [first] : []), ...random.shuffle(others).slice(0, random.integer(0, 4))];
  const used = random.shuffle(makers).map((make) => make(style));
  const [mlp, lane, tied] = [pick(ofMlp), pick(ofLane), pick(ties)];
  const [isLearned, hasNorm] = [unit() < 0.3, unit() < 0.3];
  return {
    text: textOf(used, { mlp: mlp[0], lane: lane[0], tied, isLearned, hasNorm }),
    linears: used.flatMap(({ linears }) => linears),
    shown: new Map([
      ["input", ["token", "model"]],
      ["output", ["token", "model"]],
      ...used.flatMap(({ shown }) => shown),
    ]),
    selectable: [
      ...(mlp[2] || unit() < 0.1 ? ["mlp"] : []),
      ...(lane[2] || unit() < 0.1 ? ["head"] : []),
      ...((mlp[2] && lane[2]) || unit() < 0.1 ? ["model"] : []),
    ],
    stored: [
      { name: "embed.weight", dims: ["vocab", "model"] },
      ...(isLearned ? [{ name: "places.weight", dims: ["context", "model"] }] : []),
      ...used.flatMap(({ stored }) => stored),
      ...(hasNorm ? [{ name: "last.weight", dims: ["model"] }] : []),
      { name: "lm_head.weight", dims: ["vocab", "model"], isThere: (config) => tied === "" || config["tied"] !== true },
    ],
    sizes: new Map([
      ["vocab", ({ vocab_size }: Fields) => Number(vocab_size)],
      ["model", hidden],
      ["context", ({ context }: Fields) => Number(context)],
      ["mlp", mlp[1]],
      ["head", heads],
      ["lane", lane[1]],
    ]),
    needed: ["vocab_size", "hidden_size", "heads", "layers"],
  };
}

interface Outside {
  readonly mlp: string;
  readonly lane: string;
  readonly tied: string;
  readonly isLearned: boolean;
  readonly hasNorm: boolean;
}

function textOf(used: readonly Piece[], { mlp, lane, tied, isLearned, hasNorm }: Outside): string {
  const names = ["x", ...used.map((_, i) => `x${i}`)];
  const body = used.flatMap((each, i) => each.body(names[i] ?? "x", names[i + 1] ?? "x"));
  const start = `embed[vocab: tokens]${isLearned ? " + places[context: index(token)]" : ""}`;
  return `arch drawn for "DrawnForCausalLM", "drawn" {
  fn rounded(n: Int) = 4 * floor((n + 3) / 4)

  dim vocab = config.vocab_size
  dim model = config.hidden_size
  dim context = config.context ?? 64

  table embed: f32[vocab, model] at "embed.weight"
${isLearned ? '  table places: f32[context, model] at "places.weight"\n' : ""}
  blocks layer: config.layers at "blocks.{layer}" {
    dim mlp = ${mlp}
    dim head = config.heads
    dim lane = ${lane}

    ${used.flatMap(({ members }) => members).join("\n    ")}

    fn forward(x: f32[token, model]) {
      ${body.join("\n      ")}
      ${names.at(-1)}
    }
  }

${hasNorm ? '  weight last: f32[model] at "last.weight"\n' : ""}  linear lm_head: model -> vocab at "lm_head"${tied}

  fn forward(tokens: i32[token]) -> f32[token, vocab] =
    lm_head(${hasNorm ? `rms_norm(layer(${start}), last, 1e-5)` : `layer(${start})`})
}
`;
}

function drawFields({ pick, integer, unit }: Random): Fields {
  const count = pick([1, 2, 4]);
  return {
    vocab_size: pick([16, 31, 64, 100]),
    hidden_size: count * pick([4, 8, 16]),
    heads: count,
    lane: pick([4, 8]),
    layers: integer(2, 5),
    intermediate: pick([8, 16, 20, 33]),
    context: pick([32, 64]),
    has_bias: unit() < 0.5,
    tied: unit() < 0.5,
  };
}

/** What is wrong with a model, or nothing. */
export const faults = ["none", "tensor", "shape", "type", "field", "heads", "name", "value"] as const;
export type Fault = (typeof faults)[number];

/** The headers of a model of this architecture. */
export function drawModel(random: Random, arch: DrawnArch, fault: Fault): ModelFacts {
  const { pick } = random;
  const config: Record<string, unknown> = drawFields(random);
  const fields = config as Fields;
  const sizes = (dims: readonly string[]): readonly number[] =>
    dims.map((group) => group.split(" ").reduce((size, dim) => size * (arch.sizes.get(dim)?.(fields) ?? 0), 1));
  const layers = Array.from({ length: Number(config["layers"]) }, (_, layer) => String(layer));
  const tensors = new Map(
    arch.stored.flatMap(({ name, dims, isThere = () => true }) => {
      const names = name.includes("{layer}") ? layers.map((layer) => name.replace("{layer}", layer)) : [name];
      const shape = sizes(dims);
      const header = { dtype: "F32", shape, bytes: 4 * shape.reduce((a, b) => a * b, 1) };
      return isThere(fields) ? names.map((each) => [each, header] as const) : [];
    }),
  );
  const [at, header] = pick([...tensors]);
  if (fault === "tensor") tensors.delete(at);
  if (fault === "shape") tensors.set(at, { ...header, shape: [...header.shape.slice(1), 3], bytes: 12 });
  if (fault === "type") tensors.set(at, { ...header, dtype: pick(["I8", "F64", "BF16"]) });
  if (fault === "heads") config["heads"] = 7;
  if (fault === "field") delete config[pick(arch.needed)];
  if (fault === "value") config[pick(Object.keys(config))] = pick([0, -1, 1.5, "8", null, [], {}, 2 ** 40, true]);
  const architecture = fault === "name" ? "OtherForCausalLM" : "DrawnForCausalLM";
  return {
    name: "drawn",
    config: { architectures: [architecture], model_type: fault === "name" ? "other" : "drawn", ...config },
    tensors,
  };
}
