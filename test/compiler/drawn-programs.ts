/** Whole programs at random: an architecture, functions, methods on layers and on blocks, and a recipe; now and then with a mistake. */
import type { Random } from "../ops/random.ts";
import { type Body, type Declared, draw, freshNames, type Named, over } from "./drawn-expressions.ts";
import { type DrawnArch, drawArch } from "./drawn-models.ts";

export interface DrawnProgram {
  readonly source: string;
  readonly arch: DrawnArch;
  /** What is wrong with it, if anything. */
  readonly mistake: Mistake | "none";
}

interface Drawing {
  readonly random: Random;
  readonly arch: DrawnArch;
  readonly declared: Declared;
  /** Everything that is declared is used: no known truth value leaves a side of a choice out. */
  readonly isWhole: boolean;
}

type Known = Pick<Body, "numbers" | "truths" | "sparsities">;

const bodyOf = (
  { random, declared }: Pick<Drawing, "random" | "declared">,
  values: readonly Named[],
  known: Partial<Known> = {},
): Body => ({
  ...{ random, declared, lines: [], values: [...values], fresh: freshNames() },
  ...{ numbers: [], truths: [], sparsities: [], ...known },
});

const written = ({ lines }: Pick<Body, "lines">, result = ""): string =>
  [...lines, ...(result === "" ? [] : [result])].map((line) => `  ${line}\n`).join("");

/** A function of each kind now and then: along whichever dimension, or of a whole number. */
function drawFunctions(random: Random): { readonly text: string; readonly declared: Declared } {
  const declared = { keeping: [] as string[], reducing: [] as string[], counting: [] as string[] };
  const texts: string[] = [];
  for (let left = random.integer(0, 3); left > 0; left--) {
    const kind = random.pick(["keeping", "reducing", "counting"] as const);
    const name = `${kind}${left}`;
    const body = bodyOf({ random, declared }, [{ text: "x", dims: ["d"] }]);
    if (kind === "counting") {
      const value = random.pick(["max(1, floor(n / 2))", "n - floor(n / 4)", "min(n, 3)", "(1 where n < 4 else 2)"]);
      texts.push(`fn ${name}(n: Int) = ${value}\n`);
    } else {
      const value =
        kind === "keeping" ? ofAny(body) : `${random.pick(["sum", "max", "norm", "mean"])}(${ofAny(body)}, over d)`;
      texts.push(`fn ${name}(x, over d: Dim) {\n${written(body, value)}}\n`);
    }
    declared[kind].push(name);
  }
  return { text: texts.join("\n"), declared };
}

/** What may be made of any `x` along any `d`. */
function ofAny({ random, lines }: Body): string {
  lines.push(
    random.pick([
      "let top = max(abs(x), over d)",
      "let top = 1 + norm(x, over d)",
      "let top = sum(x^2, over d) / size(d)",
    ]),
  );
  return random.pick(["x / (1 + top)", "(x where abs(x) < top else 0)", "x - mean(x, over d)", "clamp(x, -top, top)"]);
}

const parameters: readonly (readonly [text: string, kind: keyof Known, argument: readonly string[]])[] = [
  ["sparsity: Sparsity = 50%", "sparsities", ["25%", "sparsity: 2:4", "sparsity: share"]],
  ["rest: Sparsity = 2:4", "sparsities", ["rest: 1:4", "rest: 75%"]],
  ["bits: Int in 2 to 8 = 4", "numbers", ["bits: 3", "bits: count"]],
  ["scale: Float = 0.5", "numbers", ["scale: 2", "scale: 1e-3"]],
  ["isWide: Bool = true", "truths", ["isWide: false"]],
  ["part: Fraction = 10%", "numbers", ["part: 40%", "part: share"]],
];

interface DrawnMethod {
  readonly text: string;
  readonly call: string;
  readonly on: "linear" | "block";
  readonly seesInput: boolean;
}

function drawHeader({ random, isWhole }: Drawing): {
  readonly written: string;
  readonly known: Known;
  readonly given: string;
} {
  const own = random.shuffle(parameters).slice(0, random.integer(0, 3));
  const of = (kind: keyof Known): readonly string[] =>
    own.flatMap(([text, is]) => (is === kind ? [text.slice(0, text.indexOf(":"))] : []));
  const given = own.flatMap(([text, , values]) => {
    const value = random.pick(values);
    const name = text.slice(0, text.indexOf(":"));
    return random.unit() < 0.5 ? [value.includes(": ") ? value : `${name}: ${value}`] : [];
  });
  return {
    written: own.map(([text]) => text).join(", "),
    known: { numbers: of("numbers"), truths: isWhole ? [] : of("truths"), sparsities: of("sparsities") },
    given: given.join(", "),
  };
}

function drawLinearMethod(drawing: Drawing, name: string): DrawnMethod {
  const { random } = drawing;
  const header = drawHeader(drawing);
  const w: Named = { text: "w", dims: ["out", "in"] };
  const body = bodyOf(drawing, [w], header.known);
  const seesInput = random.unit() < 0.6;
  if (seesInput)
    for (let left = random.integer(1, 3); left > 0; left--) {
      const stat = body.fresh("s");
      const dims = random.pick([["in"], ["in"], ["out"]]);
      body.lines.push(`observe ${stat} = ${observed(random, body, dims)}`);
      body.values.push({ text: stat, dims });
    }
  const [score, value] = [
    draw(body, ["out", "in"], random.integer(0, 3)),
    draw(body, ["out", "in"], random.integer(0, 3)),
  ];
  const results = [
    `w * (1 + ${score})`,
    `(w where best(${score}, 1, over in))`,
    `(w where ${score} > 0 else ${value})`,
    value,
    ...header.known.sparsities.map((sparsity) => `keep_best(w, ${score}, ${sparsity}, over in)`),
  ];
  const from = random.pick(["", " from dense", " from compressed"]);
  const x = seesInput ? ", x: f32[sample, token, in]" : "";
  return {
    text: `method ${name}(${header.written}) on linear(w: f32[out, in]${x})${seesInput ? from : ""} {\n${written(body, random.pick(results))}}\n`,
    call: `${name}(${header.given})`,
    on: "linear",
    seesInput,
  };
}

/** A statistic of a layer's input or output, which may read those before it. */
function observed(random: Random, { values }: Body, [dim = "in"]: readonly string[]): string {
  const before = values.filter(({ text, dims }) => text !== "w" && dims[0] === dim);
  const x = dim === "in" ? "x" : "sum(w * x, over in)";
  const centred = before.length > 0 && random.unit() < 0.5 ? `${x} - ${random.pick(before).text}` : x;
  const each = random.pick([centred, `abs(${centred})`, `(${centred})^2`, `max(${centred}, 0)`]);
  const by = random.pick(["sum", "mean", "max", "min", "norm"]);
  return random.pick([`${by}(${each}, over (sample, token))`, `${by}(${by}(${each}, over token), over sample)`]);
}

function drawBlockMethod(drawing: Drawing, name: string): DrawnMethod {
  const { random, arch } = drawing;
  const seen = random.shuffle([...arch.shown]).slice(0, random.integer(1, 3));
  const along = seen.map(([, dims]) => random.pick(["layer", ...dims.filter((dim) => arch.selectable.includes(dim))]));
  const [unit = "layer"] = along;
  const lines = seen.flatMap(([shown, dims], i) => {
    const dim = along[i] ?? unit;
    const gone = dims.filter((each) => each !== "token" && each !== dim);
    const inner =
      gone.length === 0 ? `abs(${shown})` : `${random.pick(["norm", "sum", "max"])}(${shown}, over ${over(gone)})`;
    const observed = `${random.pick(["norm", "mean", "max"])}(mean(${inner}, over token), over sample)`;
    const by = dim === "layer" || random.unit() < 0.5 ? `of_${shown}` : `sum(of_${shown}, over layer)`;
    const to = random.pick([...(dim === unit ? ["keep"] : []), "50%", `size(${dim}) - 1`, "75%"]);
    const multiple = dim === "layer" ? "" : random.pick(["", "", "", ", 2"]);
    const select = along.indexOf(dim) === i ? [`select ${dim} to ${to} by ${by}${multiple}`] : [];
    return [`observe of_${shown} = ${observed}`, ...select];
  });
  const sees = seen.map(([shown, dims]) => `${shown}: f32[sample, ${dims.join(", ")}]`).join(", ");
  return {
    text: `method ${name}(keep: Amount(${unit}) = 50%) on block(${sees})${random.pick(["", " from dense"])} {\n${written({ lines })}}\n`,
    call: `${name}(${random.pick(["", "75%", "keep: 1", "keep: share"])})`,
    on: "block",
    seesInput: true,
  };
}

function drawRecipe({ random, arch, isWhole }: Drawing, methods: readonly DrawnMethod[]): string {
  const lines = [`let some = text.train.sample(${random.integer(1, 4)}, length: ${random.pick([8, 16, 24])}, seed: 1)`];
  let of = "model";
  const stages = isWhole ? methods : random.shuffle([...methods, ...methods]).slice(0, random.integer(1, 3));
  for (const [i, { call, on, seesInput }] of stages.entries()) {
    const name = `stage${i}`;
    const selectors = [
      "",
      " for layer",
      " for linear except lm_head",
      " for layer[0]",
      ...arch.linears.map((each) => ` for ${each}`),
    ];
    const windows = seesInput ? ` over ${random.pick(["some", "some", "text.train.sample(2, length: 12)"])}` : "";
    lines.push(
      `stage ${name} = ${call} of ${of}${windows}${on === "linear" && !isWhole ? random.pick(selectors) : ""}`,
    );
    of = isWhole ? "model" : random.pick([name, name, "model"]);
  }
  const result = `stage${stages.length - 1}`;
  lines.push(`report ${stages.map((_, i) => `bytes(stage${i})`).join(", ")}`);
  const measures = [
    `report perplexity(${result}, text.test, 16)`,
    `report perplexity(model, text.test, count * 4), perplexity(${result}, text.test, count * 4)`,
    `report bytes(${result}) / bytes(model)`,
    `report surprise(${result}, text.test)`,
    `expect perplexity(${result}, text.test, 16) < 2 * perplexity(model, text.test, 16)`,
    `expect bytes(${result}) <= bytes(model)`,
    "report model.context, share",
  ];
  lines.push(...random.shuffle(measures).slice(0, isWhole ? measures.length : random.integer(0, 2)));
  if (random.unit() < 0.7) lines.push(`save ${result} as "huggingface"`);
  return `recipe trial(model: Model, text: Corpus, share: Fraction = 30%, count: Int = 4) {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}

const imports = `import { keep_best } from "std/prune/mask"
import { perplexity } from "std/evaluate"
import { rms_norm, softmax } from "std/nn"
`;

/** A call of each function. */
const callsOf = ({ keeping, reducing, counting }: Declared): readonly string[] => [
  ...[...keeping, ...reducing].map((name) => `let of_${name} = ${name}(logits, over vocab)`),
  ...counting.map((name) => `let of_${name} = ${name}(4)`),
];

function drawMeasure(drawing: Drawing): string {
  const { random } = drawing;
  const body = bodyOf(drawing, [{ text: "logits", dims: ["token", "vocab"] }]);
  const each = draw(body, random.pick([[], ["token"]]), random.integer(1, 2));
  if (drawing.isWhole) body.lines.push(...callsOf(drawing.declared));
  const isOfTokens = random.unit() < 0.5;
  const kept = isOfTokens
    ? `mean(${each} + norm(logits, over vocab), over token)`
    : `sum(${each} * norm(logits, over vocab), over token)`;
  return `fn surprise(model: Model, text: Corpus, length: Int = 16) {
  let logits = model(text.windows(length))
${written(body)}  observe kept = ${kept}
  mean(kept, over sample)
}
`;
}

/** Mistakes, each a place in the text and what stands there instead. */
const mistakes = {
  "a misspelt name": [/\b(keep_best|abs|w|x|some|model|perplexity|gain|share|neuron|embed)\b(?=[),. [])/g, "$1q"],
  "another dimension": [/over (in|out|vocab|d|token|layer|model)\b/g, "over other"],
  "a dimension that is elsewhere": [/over (in|lane|vocab)\b/g, "over token"],
  "no argument": [/\b(keep_best|best|clamp|sample|perplexity|rms_norm)\(([^(),]+), /g, "$1("],
  "one argument too many": [/\b(abs|sqrt|size|bytes|tanh)\(/g, "$1(2, "],
  "a text for a number": [/(?<=[ (])(\d+)(?=[,)])/g, '"$1"'],
  "a truth value for a number": [/(?<=[ (])(0\.5|2|1e-3|0)(?=[,)])/g, "true"],
  "a forgotten reduction": [/= (?:sum|mean|max|min|norm)\((.*), over \(sample, token\)\)$/gm, "= $1"],
  "a type that there is not": [/: (Int|Float|Sparsity|Fraction)\b/g, ": Whole"],
  "another element type": [/f32\[(out|sample|token|model)/g, "bool[$1"],
  "no such field": [/\.(first|second|keep|cell|train|test|windows)\b/g, ".other"],
  "a name twice": [/^( *)let (\w+) = (.*)$/gm, "$1observe $2 = $3"],
  "the wrong kind of operand": [/\bindex\((\w+)\)/g, "$1"],
} as const satisfies Readonly<Record<string, readonly [RegExp, string]>>;
export type Mistake = keyof typeof mistakes;

function withMistake(random: Random, source: string): Pick<DrawnProgram, "source" | "mistake"> {
  for (const mistake of random.shuffle(Object.keys(mistakes) as Mistake[])) {
    const [pattern, put] = mistakes[mistake];
    const places = [...source.matchAll(pattern)];
    if (places.length === 0) continue;
    const { index, 0: found } = random.pick(places);
    let seen = -1;
    const chosen = places.findIndex((place) => place.index === index);
    const wrong = source.replace(pattern, (...groups: unknown[]) => {
      seen++;
      return seen === chosen ? put.replace(/\$(\d)/g, (_, group) => String(groups[Number(group)])) : String(groups[0]);
    });
    if (found.length > 0) return { source: wrong, mistake };
  }
  return { source, mistake: "none" };
}

export function drawProgram(random: Random): DrawnProgram {
  const [arch, functions, isWhole] = [drawArch(random), drawFunctions(random), random.unit() < 0.3];
  const drawing: Drawing = { random, arch, declared: functions.declared, isWhole };
  const methods = Array.from({ length: random.pick([1, 1, 2]) }, (_, i) =>
    random.unit() < 0.3 ? drawBlockMethod(drawing, `method${i}`) : drawLinearMethod(drawing, `method${i}`),
  );
  const texts = [
    imports,
    functions.text,
    arch.text,
    ...methods.map(({ text }) => text),
    drawMeasure(drawing),
    drawRecipe(drawing, methods),
  ];
  const source = texts.join("\n");
  return { arch, ...(isWhole ? withMistake(random, source) : { source, mistake: "none" as const }) };
}
