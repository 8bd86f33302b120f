/** Which changes of texts change what is computed. */
import * as assert from "uvu/assert";
import { loadRecipe, outline } from "../../compiler/compile.ts";
import type { CorpusFacts } from "../../compiler/model/facts.ts";
import { hashOfComputed } from "../../report/hash-of-computed.ts";
import { library } from "../given/library.ts";
import { suite } from "../harness/suite.ts";
import { models } from "../language/broken-models.ts";
import { hostWith } from "../language/run.ts";

const own = `import { wanda } from "std/prune/wanda"
import { gptq } from "std/quantize/gptq"
import { perplexity } from "std/evaluate"
import { one } from "./other.lcomp"

method turned(by: Float = 2) on linear(w: f32[out, in]) {
  let doubled = by * w
  let least = one(w)
  doubled - least
}

recipe trial(model: Model, text: Corpus) {
  let some = text.train.sample(3, length: 24, seed: 7)
  stage first = wanda(50%) of model over some for q
  stage second = gptq(4, every: 8) of first over some for k
  stage third = turned() of second for v
  save third as "lcomp"
  report perplexity(third, text.test.first(4), 24)
}
`;

const files = new Map([
  ["own.lcomp", own],
  ["other.lcomp", "/// Of a matrix.\nfn one(w: f32[out, in]) = max(abs(w), over out)\n"],
]);

/** After changes: of which module, which words, and what comes in their place. */
function hashAfter(
  changes: readonly (readonly [module: string, old: string, changed: string])[],
  { model = "plain", tokens = 1000 } = {},
): string {
  const texts = new Map(files);
  for (const [module, old, changed] of changes) {
    const text = texts.get(module) ?? library.read(module)?.text ?? "";
    assert.is(text.split(old).length, 2, `${module} has ${old} once`);
    texts.set(module, text.replace(old, changed));
  }
  const facts = models[model];
  const corpora = new Map<string, CorpusFacts>([["text", { tokens: { train: tokens, test: tokens } }]]);
  const given = { parameters: new Map(), models: new Map(facts ? [["model", facts]] : []), corpora };
  return hashOfComputed(outline(loadRecipe(hostWith(Object.fromEntries(texts)), "own.lcomp"), given), corpora);
}

const lets = "  let doubled = by * w\n  let least = one(w)\n";
const loop = "let code = affine_code(c, grid, how.bits)\n      freeze affine_value(code, grid)";

suite("results: what is computed", ({ test }) => {
  const before = hashAfter([]);

  for (const [what, ...changes] of [
    [
      "other comments and names",
      ["own.lcomp", lets, "  // twice\n  let twice = by * w\n  let doubled = twice\n  let least = one(w)\n"],
    ],
    ["another order of what is independent", ["own.lcomp", lets, "  let least = one(w)\n  let doubled = by * w\n"]],
    [
      "a function taken apart",
      ["other.lcomp", "= max(abs(w), over out)", "= greatest(abs(w))\nfn greatest(w: f32[out, in]) = max(w, over out)"],
    ],
    [
      "other texts that files of codes carry",
      ["std/quantize/affine", "fn affine_value(", "fn three() = 3\nfn affine_value("],
    ],
    ["what nothing reads", ["other.lcomp", "/// Of", "fn two(w) = w\n/// Of"]],
    ["what other models would compute", ["std/nn", "fn relu(x) = max(x, 0)", "fn relu(x) = max(x, 1)"]],
    [
      "a sweep in other words",
      ["std/quantize/gptq", loop, loop.replace("affine_value", "held")],
      [
        "std/quantize/gptq",
        "/// The grid of a run",
        "fn held(code, grid) = affine_value(code, grid)\n\n/// The grid of a run",
      ],
    ],
  ] as const)
    test(`it stays with ${what}`, () => assert.is(hashAfter(changes), before));

  for (const [what, ...changes] of [
    ["another number", ["own.lcomp", "by: Float = 2", "by: Float = 3"]],
    ["another operation, two modules away", ["other.lcomp", "abs(w)", "w"]],
    [
      "another forward pass",
      ["std/nn", "fn unit_rms(x, eps: Float, over d: Dim) = x *", "fn unit_rms(x, eps: Float, over d: Dim) = 2 * x *"],
    ],
    [
      "another measure",
      ["std/evaluate", "= exp(mean_nll(model, text, length))", "= exp(2 * mean_nll(model, text, length))"],
    ],
    [
      "another sweep",
      [
        "std/quantize/gptq",
        loop,
        "let code = affine_code(2 * c, grid, how.bits)\n      freeze affine_value(code, grid)",
      ],
    ],
    ["other windows", ["own.lcomp", "seed: 7", "seed: 8"]],
    ["another count of windows", ["own.lcomp", "first(4)", "first(5)"]],
    ["another layer", ["own.lcomp", "over some for q", "over some for o"]],
    ["another target", ["own.lcomp", 'save third as "lcomp"', 'save second as "lcomp"']],
    ["another name of what is reported", ["own.lcomp", "report perplexity(third", "report perplexity(second"]],
  ] as const)
    test(`it changes with ${what}`, () => assert.is.not(hashAfter(changes), before));

  test("it is of the model's shapes, and not of the length of a text of which the beginning is read", () => {
    assert.is.not(hashAfter([], { model: "biased" }), before);
    assert.is(hashAfter([], { tokens: 2000 }), before);
    const whole = [["own.lcomp", "text.test.first(4)", "text.test"]] as const;
    assert.is.not(hashAfter(whole, { tokens: 2000 }), hashAfter(whole));
  });
});
