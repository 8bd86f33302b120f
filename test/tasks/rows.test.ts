/** Choices of an item in one row of tokens, by small models of several families: each is as likely as it is alone. */
import * as assert from "uvu/assert";
import { loadRecipe, plan } from "../../compiler/compile.ts";
import { factsOf } from "../../runtime/cli/recipe.ts";
import { readBy } from "../../runtime/cli/texts.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import type { EncodedItem } from "../../runtime/io/tasks/choice.ts";
import { runPlan } from "../../runtime/run/run-plan.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { hostWith } from "../language/run.ts";
import { writeRow } from "../model/families.ts";

const recipe = `
import { log_likelihood } from "std/tasks"

recipe rows(model: Model, together: Task, apart: Task) {
  report merge(log_likelihood(model, together), (item, choice) -> one)
  report merge(log_likelihood(model, apart), (item, choice) -> one)
}
`;
const loaded = loadRecipe(hostWith({ "rows.lcomp": recipe }), "rows.lcomp");

/** Ids that all vocabularies have, without pattern. */
const ids = (count: number, seed: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => (7 * seed + 13 * i + ((i * i) >> 1)) % 59);

const item = (shared: number, own: readonly number[], scored = own): EncodedItem => ({
  choices: own.map((count, i) => ({
    tokens: Int32Array.from([...ids(shared, 1), ...ids(count, 2 + i)]),
    scored: scored[i] ?? count,
    characters: 1,
  })),
  answer: 0,
});

/** Much in common and little, together more than a model reads of one text, single tokens, what is scored in common, nothing in common, and choices that are missing. */
const together: readonly EncodedItem[] = [
  item(20, [3, 5, 1, 4]),
  item(30, [28, 29, 30]),
  item(2, [9, 1, 8]),
  item(12, [1, 1, 1, 1]),
  item(9, [4, 2], [8, 7]),
  item(0, [7, 11, 5], [3, 3, 4]),
];
const apart = together.flatMap(({ choices }): readonly EncodedItem[] =>
  choices.map((choice) => ({ choices: [choice], answer: 0 })),
);

const device = await openDevice();
/** Tables of positions, windows, scalings that hang on lengths, parallel blocks, experts. */
const models = ["gpt2", "gemma3", "phi3: longrope, short texts", "gpt_neox", "qwen3_moe"];

async function likelihoods(folder: string): Promise<readonly (readonly number[])[]> {
  const model = await openCheckpoint(folder);
  const { corpora, facts } = readBy(new Map(Object.entries({ together, apart })));
  const inputs = { parameters: new Map(), models: new Map([["model", factsOf(model)]]), corpora: facts };
  const made = plan(loaded, inputs, device.facts);
  const { series } = await runPlan(made, {
    ...{ device, models: new Map([["model", model]]), corpora, output: null },
    ...{ progress: () => undefined, signal: new AbortController().signal },
  });
  return series.map(({ values }) => values);
}

suite("choices in one row", ({ test }) => {
  for (const name of models)
    test(
      name,
      inFolder(async (folder) => {
        writeRow(folder, name.includes(":") ? name : `${name}: as it is`);
        const [rowsOf = [], alone = []] = await likelihoods(folder);
        const present = together.flatMap(({ choices }, i) => choices.map((_, j) => rowsOf[4 * i + j] ?? Number.NaN));
        assert.is(present.length, alone.length);
        for (const [i, value] of present.entries()) {
          const expected = alone[i] ?? Number.NaN;
          assert.ok(Math.abs(value - expected) < 1e-5 * Math.abs(expected), `${i}: ${value} is ${expected}`);
        }
        assert.ok(new Set(alone).size === alone.length, "all are of their own likelihood");
      }),
    );

  test("the device is given back", () => device.close());
});
