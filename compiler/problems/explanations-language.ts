/** What `lcomp explain` says of problems that a program has by itself. */
import { type Explanation, programs } from "./explanation.ts";
import type { ProblemKind } from "./problem.ts";
import type { EffectProblem } from "./wording-effects.ts";
import type { ModelProblem } from "./wording-model.ts";
import type { WeightProblem } from "./wording-weights.ts";

type Id = Exclude<ProblemKind, (EffectProblem | ModelProblem | WeightProblem)["kind"]> | "file-not-found" | "no-recipe";

const onLinear = "on linear(w: f32[out, in], x: f32[sample, token, in])";

/** A function that sweeps so. */
const rounding = (levels: string): string =>
  `fn rounded(w: f32[out, in: 8], u: f32[in, in']) {\n  feedback w through u ${levels.replaceAll("\n", "\n  ")}\n}`;

const names = {
  "unknown-name": {
    text: `Nothing of this name is known here: no \`let\` before it, no parameter, no import, and no function of the language. Values and dimensions are two namespaces: a dimension is known by the type of a parameter, or once a view has made it.`,
    examples: programs(
      "fn scaled(x: f32[in], gain: f32[in]) = x * gian",
      "fn scaled(x: f32[in], gain: f32[in]) = x * gain",
    ),
  },
  "duplicate-name": {
    text: `One name stands for two things in one place: two declarations of a file, two stages of a recipe, or two dimensions of a tensor. Give one of them another name.`,
    examples: programs(
      "fn twice(x: f32[in]) = 2 * x\nfn twice(x: f32[in]) = x + x",
      "fn twice(x: f32[in]) = 2 * x\nfn doubled(x: f32[in]) = x + x",
    ),
  },
  "saved-twice": {
    text: `A recipe may save several models, or one in several formats: then each lies in a folder of the result, which is called as the recipe writes the model. A second name for one is a \`let\`.`,
    examples: programs(
      'recipe both(model: Model) {\n  save model as "huggingface"\n  save model as "lcomp"\n}',
      'recipe both(model: Model) {\n  let copy = model\n  save model as "huggingface"\n  save copy as "lcomp"\n}',
    ),
  },
  "reported-twice": {
    text: `What is reported is told apart by its text, a field of a record that is written out by the field's name. Two such records with one field of the same name report two numbers as one: give the records names.`,
    examples: programs(
      "recipe lengths(model: Model) {\n  report { half: model.context / 2 }, { half: bytes(model) / 2 }\n}",
      "recipe lengths(model: Model) {\n  let size = { half: bytes(model) / 2 }\n  report { half: model.context / 2 }, size\n}",
    ),
  },
  "reserved-name": {
    text: `A recipe's parameters are flags of the command line, so none may have the name of a flag that lcomp has itself, such as --out or --json.`,
    examples: programs(
      `recipe half(model: Model, out: Text = "half") {\n  save model as "huggingface"\n}`,
      `recipe half(model: Model, label: Text = "half") {\n  save model as "huggingface"\n}`,
    ),
  },
  "import-not-found": {
    text: `The module is not there. Modules are those of the library ("std/…"), and files relative to the one that imports, beginning with "./" or "../" and with their ending.`,
    examples: programs('import { dot } from "std/n"', 'import { dot } from "std/nn"'),
  },
  "import-refused": {
    text: `A recipe may come from a stranger, so it cannot name what it likes: a module is a regular file that ends in .lcomp and lies in the folder of the recipe that was asked for, or below, behind all links. A few hundred modules are enough for any recipe.`,
    examples: programs('import { dot } from "../nn.lcomp"', 'import { dot } from "std/nn"'),
  },
  "import-circular": {
    text: "A module imports itself, perhaps by way of others. Move what both need into a third one.",
    examples: programs(
      'import { half } from "./example.lcomp"\n\nfn half(x: f32[in]) = x / 2',
      "fn half(x: f32[in]) = x / 2",
    ),
  },
  recursion: {
    text: `A function calls itself, perhaps by way of others. Every program ends and has a size that is known before it runs, so functions do not recurse.`,
    examples: programs("fn fading(x: f32[in]) = x + fading(x / 2)", "fn fading(x: f32[in]) = x + x / 2 + x / 4"),
  },
  "too-much-work": {
    text: `Calls with equal arguments are evaluated once, and others each by itself, with the calls inside them: where each function calls the one before it with two different arguments, twenty functions are a million calls. lcomp counts the expressions that it evaluates and stops at a fixed number, which no recipe comes near that a person would write. Call less often with different arguments.`,
  },
  "file-not-found": {
    text: "There is no file of this name. Paths are relative to the folder in which lcomp was started.",
  },
  "no-recipe": {
    text: "`run`, `plan` and `compile` need a file with a recipe. Of several recipes in a file the last one counts.",
    examples: programs(
      "method halved() on linear(w: f32[out, in]) { w / 2 }",
      `method halved() on linear(w: f32[out, in]) { w / 2 }

recipe half(model: Model) {
  stage small = halved() of model for layer
  save small as "huggingface"
}`,
    ),
  },
} satisfies Partial<Record<Id, Explanation>>;

const dimensions = {
  "dimension-mismatch": {
    text: `In one scope a dimension's name has one size. Here it would have two. If the two are different things, give one another name, with \`rename(x, in -> other)\` or where it is made; if they are the same, make their sizes agree.`,
    examples: programs(
      `fn both(x: f32[token]) {
  let halves = split(x, token -> (part: 2, rest))
  let thirds = split(x, token -> (part: 3, others))
  max(halves, over (part, rest))
}`,
      `fn both(x: f32[token]) {
  let halves = split(x, token -> (half: 2, rest))
  let thirds = split(x, token -> (third: 3, others))
  norm(halves, over (half, rest)) + norm(thirds, over (third, others))
}`,
    ),
  },
  "not-aligned": {
    text: `+, -, min, max and where work element by element: the names of one operand must contain those of the other, and what the other lacks is repeated. A forgotten rename or reduction is then an error and no bigger tensor. Only *, /, %, ^ and comparisons combine any two operands, as outer products.`,
    examples: programs(
      "fn centred(x: f32[token, model], seen: f32[token, head]) = x - seen",
      "fn centred(x: f32[token, model], seen: f32[token, head]) = x - mean(seen, over head)",
    ),
  },
  "absent-dimension": {
    text: "One reduces, indexes, splits and renames along a dimension that the tensor has. The message lists those that it has.",
    examples: programs(
      "fn rows(w: f32[out, in], gain: f32[in]) = w * sum(gain, over out)",
      "fn rows(w: f32[out, in], gain: f32[in]) = w * sum(gain, over in)",
    ),
  },
  "dimension-escapes": {
    text: `A dimension that a body makes is its own, even if the caller has one of the same name. It leaves the body only if the header says so, and is the caller's from then on.`,
    examples: programs(
      "fn halves(x: f32[token]) = split(x, token -> (half: 2, rest))",
      "fn halves(x: f32[token]) -> f32[half, rest] = split(x, token -> (half: 2, rest))",
    ),
  },
  "does-not-divide": {
    text: `A dimension is split into equal parts. Choose a size that divides it, or, where it depends on the layer, leave the layers out for which it does not, with \`except\`. The message names the layer, the numbers, and sizes that divide all layers of the stage.`,
    examples: programs(
      "fn groups(x: f32[in: 10]) = norm(split(x, in -> (group, lane: 4)), over (group, lane))",
      "fn groups(x: f32[in: 10]) = norm(split(x, in -> (group, lane: 5)), over (group, lane))",
    ),
  },
  "not-whole": {
    text: "Sizes are whole numbers, from 1. `/` is the division of reals: write `floor(a / b)` for the whole part.",
    examples: programs(
      "fn part(x: f32[in: 10]) = norm(split(x, in -> (group, lane: 10 / 4)), over (group, lane))",
      "fn part(x: f32[in: 10]) = norm(split(x, in -> (group, lane: floor(10 / 4))), over (group, lane))",
    ),
  },
  "not-square": {
    text: `A matrix that is factored or inverted has as many rows as columns, in two dimensions: a tensor has each name once, so that one of two equal ones is renamed. Of all other dimensions each element is a matrix of its own.`,
    examples: programs(
      "fn factor(x: f32[token: 9, in: 4]) = cholesky(x, rows: token, columns: in)",
      `fn factor(x: f32[token: 9, in: 4]) {
  let h = sum(x * rename(x, in -> in'), over token)
  norm(cholesky(h, rows: in, columns: in'), over in')
}`,
    ),
  },
  "sweep-levels": {
    text: `\`feedback\` goes along a dimension, column after column. The dimension may be divided, \`in = (block, lane: 128)\`, and then there is a body for each part: that of a block is evaluated when the block is reached, on the columns as they are by then, that of a lane for each column.`,
    examples: programs(
      rounding("along in = (block, lane: 4) {\n  each lane as c { freeze round(c) }\n}"),
      rounding(
        "along in = (block, lane: 4) {\n  each block as b { let top = max(abs(b), over lane) }\n  each lane as c { freeze top * round(c / top) }\n}",
      ),
    ),
  },
  "sweep-freeze": {
    text: `\`feedback\` gives each column its last value, and takes what that leaves from the columns after it. The body of the last level says with \`freeze\` which value that is; those of the levels above it only bind names. A column that is to stay as it is freezes itself.`,
    examples: programs(
      rounding("along in {\n  each in as c { let whole = round(c) }\n}"),
      rounding("along in {\n  each in as c { let whole = round(c)  freeze whole }\n}"),
    ),
  },
} satisfies Partial<Record<Id, Explanation>>;

const values = {
  "activation-outside-observe": {
    text: `Activations exist only while samples stream through the model. \`observe name = …\` says what to keep of them, and that is a value like any other.`,
    examples: programs(
      `method loud() ${onLinear} {
  w * norm(x, over (sample, token))
}`,
      `method loud() ${onLinear} {
  observe power = norm(x, over (sample, token))
  w * power
}`,
    ),
  },
  "observation-keeps": {
    text: `What is kept of activations must not grow with their windows: every path from an activation passes a sum, mean, max, min or norm over token, or takes one of them. What has \`sample\` still is kept of each window.`,
    examples: programs(
      `method loud() ${onLinear} {
  observe power = norm(x, over sample)
  w * max(power, over token)
}`,
      `method loud() ${onLinear} {
  observe power = max(norm(x, over token), over sample)
  w * power
}`,
    ),
  },
  "out-of-range": {
    text: "The number, or a position that the program alone decides, lies outside of what is possible at this place; the message says what is.",
    examples: programs(
      "fn most(x: f32[in: 4]) = x where best(x, 5, over in)",
      "fn most(x: f32[in: 4]) = x where best(x, 3, over in)",
    ),
  },
  "never-holds": {
    text: "Sizes and parameters are known before anything runs. Where they alone decide an `expect`, and it does not hold, nothing runs.",
    examples: programs(
      "recipe small(model: Model) {\n  expect bytes(model) < 1 KiB\n}",
      "recipe small(model: Model) {\n  expect bytes(model) > 1 KiB\n}",
    ),
  },
  "missing-parameter": {
    text: `What is called needs another argument. A recipe's parameters come from the command line: \`--name value\`. One with a default may be left out.`,
    examples: programs(
      "fn scaled(x: f32[in], by: Float) = x * by\nfn twice(x: f32[in]) = scaled(x)",
      "fn scaled(x: f32[in], by: Float) = x * by\nfn twice(x: f32[in]) = scaled(x, 2)",
    ),
  },
  "unknown-parameter": {
    text: "What is called has no parameter of this name. Arguments go by place, or by name with a colon.",
    examples: programs(
      "fn scaled(x: f32[in], by: Float) = x * by\nfn twice(x: f32[in]) = scaled(x, factor: 2)",
      "fn scaled(x: f32[in], by: Float) = x * by\nfn twice(x: f32[in]) = scaled(x, by: 2)",
    ),
  },
  "wrong-arguments": {
    text: "What is called takes fewer arguments, the same one once only, or arguments of another form; the message shows how a call looks.",
    examples: programs("fn bounded(x: f32[in]) = clamp(x, 0, 1, 2)", "fn bounded(x: f32[in]) = clamp(x, 0, 1)"),
  },
  "wrong-parameter": {
    text: `The argument is of another type than the parameter, or outside of its range. 50% is a share or a sparsity, 2:4 a sparsity, 4 a whole number; true and false are of type Bool.`,
    examples: programs(
      "fn scaled(x: f32[in], bits: Int in 2 to 8) = x * 2^bits\nfn twice(x: f32[in]) = scaled(x, 0.5)",
      "fn scaled(x: f32[in], bits: Int in 2 to 8) = x * 2^bits\nfn twice(x: f32[in]) = scaled(x, 4)",
    ),
  },
  "wrong-type": {
    text: `Something else is needed here; the message says what, and what it got. Often: a number where a condition is needed, the name of a dimension where a value is (write size(d) or index(d)), or a dimension that the header does not let pass.`,
    examples: programs("fn positive(x: f32[in]) = x where x", "fn positive(x: f32[in]) = x where x > 0"),
  },
  "not-supported": {
    text: "The language has this, and this version of lcomp does not carry it out yet.",
    examples: programs(
      'recipe copy(model: Model) {\n  save model as "onnx"\n}',
      'recipe copy(model: Model) {\n  save model as "huggingface"\n}',
    ),
  },
} satisfies Partial<Record<Id, Explanation>>;

export const languageExplanations: Readonly<Record<Id, Explanation>> = { ...names, ...dimensions, ...values };
