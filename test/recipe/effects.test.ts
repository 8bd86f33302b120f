/** What stages leave of weights, as it is read in the bodies of their methods. */
import * as assert from "uvu/assert";
import { showState } from "../../compiler/recipe/effects.ts";
import { suite } from "../harness/suite.ts";
import { bound, problems, recipe } from "./bound.ts";

const imports = `import { magnitude, magnitude_rows } from "std/prune/magnitude"
import { wanda } from "std/prune/wanda"
import { sparsegpt, sparsegpt_codes } from "std/prune/sparsegpt"
import { shortgpt } from "std/prune/shortgpt"
import { minitron_width } from "std/prune/minitron"
import { rtn } from "std/quantize/rtn"
import { gptq } from "std/quantize/gptq"
import { hqq } from "std/quantize/hqq"
import { mxfp4 } from "std/quantize/mxfp4"
import { q4_0 } from "std/quantize/ggml"
import { awq } from "std/quantize/awq"
import { smoothquant } from "std/quantize/smoothquant"

`;

/** What the last stage leaves of the layers in the blocks, each state once; `method` is a body on linear, by the name \`own\`. */
function left(stages: readonly string[], method = "w", model = "plain"): readonly string[] {
  const own = `method own() on linear(w: f32[out, in]) {\n  ${method}\n}\n\n`;
  const named = stages.map(
    (stage, i) => `  stage s${i} = ${stage.replace(" of ", ` of ${i === 0 ? "model" : `s${i - 1}`} `)}\n`,
  );
  const body = `  let some = text.train.sample(4, length: 16, seed: 0)\n${named.join("")}`;
  const { typed } = bound(`${imports}${own}recipe r(model: Model, text: Corpus) {\n${body}}\n`, { model });
  const states = typed.stages.at(-1)?.effects ?? new Map();
  return [...new Set([...states.values()].map(showState))];
}

/** A stage on the layers in the blocks. */
const on = (method: string, more = ""): string => `${method} of over some for layer${more}`;
const quiet = (method: string, more = ""): string => `${method} of for layer${more}`;

const masks: readonly (readonly [stage: string, zeros: string])[] = [
  [on("wanda(50%)"), "zeros 50%"],
  [on("wanda(2:4)"), "zeros 2:4"],
  [quiet("magnitude(25%)"), "zeros 25%"],
  [quiet("magnitude(2:4)"), "zeros 2:4"],
  [quiet("magnitude_rows(75%)"), "zeros 75%"],
  [on("sparsegpt(50%)"), "zeros 50%"],
  [on("sparsegpt(1:4)"), "zeros 1:4"],
  [on("sparsegpt_codes(2:4, every: 8)"), "zeros 2:4 · stored Affine(bits: 4, every: 8, symmetric: false)"],
];

const codes: readonly (readonly [stage: string, format: string, keeps: boolean])[] = [
  [quiet("rtn(4, every: 8)"), "Affine(bits: 4, every: 8, symmetric: false)", true],
  [quiet("rtn(3, every: 8, symmetric: true)"), "Affine(bits: 3, every: 8, symmetric: true)", true],
  [on("gptq(4, every: 8)"), "Affine(bits: 4, every: 8, symmetric: false)", false],
  [on("gptq(4, every: 8)", " keeping zeros"), "Affine(bits: 4, every: 8, symmetric: false)", true],
  [on("gptq(4, every: 8, act_order: true)", " keeping zeros"), "Affine(bits: 4, every: 8, symmetric: false)", true],
  [quiet("hqq(4, every: 8)"), "HQQ(bits: 4, every: 8)", false],
];

const bodies: readonly (readonly [body: string, left: string])[] = [
  ["w where best(abs(w), 4, over in)", "zeros 75%"],
  ["0 where best(-abs(w), 4, over in) else w", "zeros 25%"],
  ["w * f32(best(abs(w), 4, over in))", "zeros 75%"],
  ["w where not best(-abs(w), 4, over in)", "zeros 25%"],
  ["w where best(abs(w), 4, over in) and best(abs(w), 1, over out)", "zeros 93.75%"],
  ["w where best(abs(w), 4, over in) or best(abs(w), 1, over out)", ""],
  ["w where abs(w) > 0.1", ""],
  ["(w where best(abs(w), 4, over in)) + 1", ""],
  ["(w where best(abs(w), 4, over in)) - mean(w, over in)", ""],
  ["reverse(w where best(abs(w), 4, over in), over in)", ""],
  ["reverse(reverse(w where best(abs(w), 4, over in), over in), over in)", "zeros 75%"],
  [
    "let runs = split(w, in -> (run, lane: 4))\n  merge(runs where best(abs(runs), 1, over lane), (run, lane) -> in)",
    "zeros 1:4",
  ],
  [
    "let runs = split(w, in -> (lane: 4, run))\n  merge(runs where best(abs(runs), 1, over lane), (lane, run) -> in)",
    "",
  ],
];

suite("effects", ({ test }) => {
  for (const [stage, zeros] of masks) test(`${stage} leaves ${zeros}`, () => assert.equal(left([stage]), [zeros]));

  for (const [stage, format, keeps] of codes)
    test(`${stage} ${keeps ? "keeps" : "does not keep"} zeros`, () =>
      assert.equal(left([on("wanda(2:4)"), stage]), [`${keeps ? "zeros 2:4 · " : ""}stored ${format}`]));

  test("a layer that is decoded under another name is numbers", () => {
    for (const [one, other] of [
      ["o", "self_attn.o_proj"],
      ["lm_head", "embed"],
    ]) {
      const stages = [
        `rtn(8, every: 16) of for ${one}`,
        `own() of decode for ${other}`,
        `rtn(4, every: 16) of for ${one}`,
      ];
      assert.equal(left(stages), ["stored Affine(bits: 4, every: 16, symmetric: false)"]);
    }
  });

  for (const [body, zeros] of bodies)
    test(`${body.replaceAll("\n", ";")} leaves ${zeros || "nothing that is certain"}`, () =>
      assert.equal(left(["own() of for q"], body), [zeros]));

  for (const [body, keeps] of [
    ["2 * w", true],
    ["w / max(abs(w), over in)", true],
    ["max(w, 0)", true],
    ["w + 0 * mean(w, over in)", true],
    ["w - mean(w, over in)", false],
    ["cos(w)", false],
    ["w[in: max(index(in) - 1, 0)]", false],
  ] as const)
    test(`${body} ${keeps ? "keeps" : "does not keep"} zeros`, () =>
      assert.equal(left([on("wanda(2:4)"), quiet("own()")], body), [keeps ? "zeros 2:4" : ""]));

  test("what is made of as many elements as a wide layer has is not followed to its end, with a model and without", () => {
    const source = "method own() on linear(w: f32[out, in]) { cumsum(w, over in) }\n";
    const stage = '  stage s = own() of model for layer\n  save s as "lcomp"';
    assert.equal(problems(`${source}${recipe(stage)}`), []);
    assert.equal(left(["own() of for layer"], "cumsum(w, over in)"), [""]);
  });

  test("what a stage leaves as it is, it keeps; what is implied is not said", () => {
    assert.equal(left([on("wanda(2:4)"), quiet("rtn(4, every: 8)").replace("layer", "gate, up")]).length, 2);
    assert.equal(left([on("wanda(2:4)"), quiet("magnitude_rows(75%)")]), ["zeros 2:4, 75%"]);
    assert.equal(left([on("wanda(50%)"), on("wanda(1:4)")]), ["zeros 1:4"]);
    assert.equal(left([on("wanda(2:4)"), on("sparsegpt(50%)")]), ["zeros 50%"]);
  });

  test("a scale that is moved keeps zeros", () =>
    assert.equal(left([on("wanda(2:4)"), "smoothquant() of over some for q, k, v"]).toSorted(), [
      "zeros 2:4",
      "zeros 2:4 · folded",
    ]));

  test("blocks and rows that go keep zeros of others, columns do not", () => {
    assert.equal(left([on("wanda(2:4)"), "shortgpt(50%) of over some"]), ["zeros 2:4"]);
    const narrow = "minitron_width(mlp: 50%, multiple: 1) of over some";
    assert.equal(left([on("wanda(2:4)"), narrow]).toSorted(), ["", "zeros 2:4"]);
    assert.equal(left([quiet("magnitude(50%)"), narrow]).toSorted(), ["", "zeros 50%"]);
  });
});
