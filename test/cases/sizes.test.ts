/** Programs of extreme sizes from outside, and siblings of theirs: planned, with kernels that Tint accepts, or refused with numbers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadRecipe, plan } from "../../compiler/compile.ts";
import { mostCapable } from "../../compiler/plan/device-facts.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { facts } from "../fuse/sketch.ts";
import { problemsFrom } from "../given/problems.ts";
import { suite, testUnless } from "../harness/suite.ts";
import { hostWith } from "../language/run.ts";
import { validatePlan } from "../plan/validate.ts";
import { root } from "../repository/sources.ts";
import { shared, sharedReason } from "../run/reference.ts";
import { caseFile, casesReason } from "./cases.ts";

const tiny = await openCheckpoint(join(root, "examples/tiny"));
const MiB = 2 ** 20;
const devices = {
  lavapipe: { ...facts, maxBufferSize: 4095 * MiB, maxStorageBufferBindingSize: 128 * MiB },
  "whatever GPU there is": mostCapable,
};
type Name = keyof typeof devices;

/** What is said instead of a plan; null if the plan is made and its kernels are good. */
async function refusal(source: string, device: Name = "lavapipe", { config, tensors } = tiny): Promise<string | null> {
  const corpora = new Map([["text", { tokens: { train: 2 ** 20, validation: 2 ** 20, test: 2 ** 20 } }]]);
  const models = new Map([["model", { name: "tiny", config, tensors }]]);
  let made: Plan | undefined;
  const problems = problemsFrom(() => {
    const loaded = loadRecipe(hostWith({ "own.lcomp": source }), "own.lcomp");
    made = plan(loaded, { parameters: new Map(), models, corpora }, devices[device]);
  });
  if (made === undefined) return problems.map(({ title, hint }) => `${title} | ${hint ?? ""}`).join("\n");
  await validatePlan(made, devices[device]);
  return null;
}

const terms =
  /number of terms of this reduction is \d+, and must be at most 2147483648 \(2\^31\) \| make a dimension smaller: `[ab]` is/;

/** By file of ../shared/cases: null where a plan is to be made. */
const expectations: Readonly<Record<string, RegExp | null>> = {
  terms160: null,
  tn160: null,
  where256: null,
  "no-index-for-a": null,
  "no-index-split1": null,
  "no-index-split2": null,
  "best-2-20": null,
  "best-2-25": /takes 1 TiB, and a buffer of this GPU holds 4 GiB \| `a` is 33554432/,
  "index-2-31":
    /operations of one kernel is 3\d{13}, and must be at most 17592186044416 \(2\^44\) \| make a dimension smaller: `g` is/,
  "merge-huge": /the size of `q` is 36028796985409536, and must be at most 2147483648 \(2\^31\)/,
  "merge-q": /the size of `q` is 137438953472, and must be/,
  loop3: terms,
  loop4: terms,
  "u32-element": terms,
  "u32-wgsl": terms,
};

suite("sizes from outside", (own) => {
  const outside = testUnless(casesReason(), own);
  for (const [name, expected] of Object.entries(expectations)) {
    const title = `${name} is ${expected === null ? "planned" : "refused with numbers"}`;
    outside(title, async () => {
      const said = await refusal(readFileSync(caseFile(`too-large/${name}.lcomp`), "utf8"));
      if (expected === null) assert.is(said, null);
      else assert.match(said ?? "planned", expected);
    });
  }
});

/** Long programs, bound to models of ../shared: kernels for all of what they do. */
const long: readonly (readonly [program: string, model: string])[] = [
  ["too-large/stages1000", "tiny"],
  ["too-large/calls-2-16", "tiny"],
  ["too-large/calls-2-20", "tiny"],
  ["too-large/calls-2-20-alike", "tiny"],
  ["too-large/calls-2-20-of-numbers", "tiny"],
  ["rank8", "babyllama361"],
  ["rank16", "babyllama361"],
  ["awq30000", "babyllama361"],
];

suite("long programs from outside", (own) => {
  const outside = testUnless(sharedReason, own);
  for (const [name, model] of long) {
    const title = `${name} is planned`;
    outside(title, async () => {
      const bound = await openCheckpoint(join(shared, "models", model));
      assert.is(await refusal(readFileSync(caseFile(`${name}.lcomp`), "utf8"), "lavapipe", bound), null);
    });
  }
});

const method = (body: string): string => `method m() on linear(w: f32[out, in]) { ${body} }
recipe r(model: Model) {
  stage s = m() of model for layer[0].k
  save s as "huggingface"
}
`;
const many = (count: number, text: (i: number) => string, between: string): string =>
  Array.from({ length: count }, (_, i) => text(i + 1)).join(between);

/** By what the body of a method does. */
const siblings: readonly (readonly [name: string, body: string, expected: RegExp | null])[] = [
  ["a product of 150 operands", many(150, (i) => `(w + ${i})`, " * "), null],
  ["60 functions within one another", `${"max(1 - ".repeat(60)}w${", w)".repeat(60)}`, null],
  [
    "shifts of a dimension, 40 deep",
    `${many(40, (i) => `let w${i} = ${i === 1 ? "w" : `w${i - 1}`}[in: min(index(in) + 1, size(in) - 1)] / 2 + ${i}`, "\n")}\nw40`,
    null,
  ],
  ["a dimension of 2^31", "w + 0 * sum(index(a: 2147483648) / 2, over a)", null],
  [
    "splits and merges that mix a dimension, 60 deep",
    `${many(60, (i) => `let w${i} = merge(split(${i === 1 ? "w" : `w${i - 1}`}, in -> (a${i}: 8, b${i})), (b${i}, a${i}) -> in)`, "\n")}\nw60`,
    null,
  ],
  [
    "a dimension of 2^31 + 1",
    "w + 0 * sum(index(a: 2147483649) / 2, over a)",
    /the size of `a` is 2147483649, and must be at most/,
  ],
  [
    "a dimension of 2^53",
    "w + 0 * sum(index(a: 2^53) / 2, over a)",
    /the size of `a` is 9007199254740992, and must be at most/,
  ],
  [
    "a square of 2^16",
    "let a = index(a: 65536) * 0.5\nlet c = a * rename(a, a -> b)\nw + max(c, over (a, b)) + sum(c * c, over (a, b))",
    /number of terms/,
  ],
  [
    "a product of three long dimensions",
    "w + max(sin(w * index(a: 70000)) * index(b: 30000), over (a, b))",
    /operations of one kernel|number of terms/,
  ],
  ["a merge with a dimension of 1", "w + max(merge(w * index(a: 1), (a, in) -> c), over c)", null],
  [
    "a product along a dimension of 1",
    "let g = split(w, in -> (g, lane: 1))\nw + max(sum(g * rename(g, out -> o2), over g), over (o2, lane))",
    null,
  ],
  [
    "a sum of 1 by 1 parts",
    "let g = split(split(w, in -> (g, lane: 1)), out -> (h, row: 1))\nmerge(merge(g - max(g, over lane), (g, lane) -> in), (h, row) -> out)",
    null,
  ],
];

suite("sizes", ({ test }) => {
  for (const [name, body, expected] of siblings)
    test(`${name}: ${expected === null ? "planned" : "refused with numbers"}`, async () => {
      for (const device of Object.keys(devices) as Name[]) {
        const said = await refusal(method(body), device);
        if (expected === null) assert.is(said, null);
        else assert.match(said ?? "planned", expected);
      }
    });
});
