/** How far two models are from each other, against what test/peers/kl.py has recorded of NumPy in float64. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { plan } from "../../compiler/compile.ts";
import { openRecipe, readRecipe } from "../../runtime/cli/recipe.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { SafetensorsWriter } from "../../runtime/io/safetensors-writer.ts";
import { lcomp } from "../cli/lcomp.ts";
import { facts } from "../fuse/sketch.ts";
import { writeHollow } from "../given/model-folder.ts";
import { values } from "../given/weights.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readWeight, toStored } from "../io/tensors.ts";
import { root } from "../repository/sources.ts";

const tiny = join(root, "examples/tiny");

interface Statistics {
  readonly mean: number;
  readonly error: number;
  readonly percentiles: Readonly<Record<string, number>>;
}

interface Recorded {
  readonly "loss of the copy": { readonly mean: number; readonly error: number };
  readonly length: number;
  readonly tokens: readonly number[];
  readonly all: {
    readonly kl: Statistics & { readonly maximum: number };
    readonly "same top token": { readonly share: number; readonly error: number };
    readonly perplexity: {
      readonly tiny: number;
      readonly copy: number;
      readonly "ln ratio": { readonly mean: number; readonly error: number };
      readonly correlation: number;
    };
    readonly "change of p": Statistics & { readonly "root mean square": number };
  };
}

const recorded = JSON.parse(readFileSync(join(root, "test/peers/kl.json"), "utf8")) as Recorded;

/** The copy of examples/tiny that was recorded: an eighth of `values` is added to each matrix of its blocks. */
async function writeCopy(folder: string): Promise<void> {
  cpSync(tiny, folder, { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
  const { tensors } = await openCheckpoint(tiny);
  const declared = [...tensors].map(([name, { shape }]) => ({ name, shape, dtype: "F32" as const }));
  const writer = await SafetensorsWriter.create(join(folder, "model.safetensors"), declared);
  for (const [name, tensor] of tensors) {
    const weight = await readWeight(tensor);
    const added = values(name, tensor.shape);
    const isChanged = name.startsWith("model.layers.") && tensor.shape.length === 2;
    const made = isChanged ? weight.map((w, i) => w + (added[i] ?? 0) / 8) : weight;
    await writer.write(name, toStored(made, "F32"));
  }
  await writer.close();
}

/** The documents whose first windows were recorded, and no window more. */
const writeText = (path: string): void =>
  writeFileSync(
    path,
    readFileSync(join(root, "examples/world/test.jsonl"), "utf8").split("\n").slice(0, 12).join("\n"),
  );

const { all, length, tokens } = recorded;
const percents = (of: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(of).map(([percent, number]) => [`${percent}%`, number]));

/** What is recorded, as `lcomp eval --json` names it. */
const expected = {
  mean: all.kl.mean,
  standard_error: all.kl.error,
  maximum: all.kl.maximum,
  percentiles: percents(all.kl.percentiles),
  same_top: { mean: all["same top token"].share, standard_error: all["same top token"].error },
  mean_nll: recorded["loss of the copy"].mean,
  nll_error: recorded["loss of the copy"].error,
  perplexity: all.perplexity.copy,
  log_ratio: { mean: all.perplexity["ln ratio"].mean, standard_error: all.perplexity["ln ratio"].error },
  correlation: all.perplexity.correlation,
  change: {
    mean: all["change of p"].mean,
    standard_error: all["change of p"].error,
    root_mean_square: all["change of p"]["root mean square"],
    percentiles: percents(all["change of p"].percentiles),
  },
};

const apart = `import { max_kl, mean_kl } from "std/evaluate"
recipe apart(model: Model, against: Model, text: Corpus) {
  report mean_kl(model, against, text.test), max_kl(model, against, text.test)
}
`;

const each = `import { mean_nll, window_loss } from "std/evaluate"
fn least_and_most(model: Model, text: Corpus, length: Int) {
  let loss = window_loss(model, text, length)
  { least: min(loss, over sample), most: max(loss, over sample) }
}
recipe each(model: Model, text: Corpus, length: Int) {
  let nats = { loss: window_loss(model, text.test, length), of: { model: mean_nll(model, text.test, length) } }
  report mean_nll(model, text.test, length), window_loss(model, text.test, length)
  report nats, { whole: bytes(model) }, least_and_most(model, text.test, length)
}
`;

/** Each number at its path. */
const flat = (of: object, path = ""): readonly (readonly [string, number])[] =>
  Object.entries(of).flatMap(([name, value]: [string, number | object]) =>
    typeof value === "number" ? [[`${path}${name}`, value] as const] : flat(value, `${path}${name} `),
  );

suite("two models at once", ({ test }) => {
  test(
    "eval --against gives what NumPy gives, to 1e-6, within any budget; a model is as far as 0 from itself",
    inFolder(async (folder) => {
      await writeCopy(join(folder, "copy"));
      writeText(join(folder, "text.jsonl"));
      const evaluate = (against: string, ...more: string[]) => {
        const given = ["--text", "text.jsonl", "--length", String(length), "--quiet", "--json"];
        const { stdout, stderr } = lcomp(folder, ["eval", tiny, "--against", against, ...given, ...more]);
        assert.not.match(stderr, /^lcomp:/m);
        return JSON.parse(stdout);
      };
      const found = evaluate("copy");
      assert.equal([found.windows, found.length], [tokens.length / length, length]);
      assert.ok(Math.abs(found.perplexity - all.perplexity.tiny) < 1e-6 * found.perplexity);
      const numbers = new Map(flat(found.kl));
      assert.equal(
        [...numbers.keys()].sort(),
        flat(expected)
          .map(([name]) => name)
          .sort(),
      );
      for (const [name, number] of flat(expected)) {
        // A single token is as far off as f32 logits are, which means even out.
        const room = 1e-6 + (/percentiles|maximum/.test(name) ? 1e-5 * Math.abs(number) : 0);
        assert.ok(
          Math.abs((numbers.get(name) ?? Number.NaN) - number) < room,
          `${name}: ${numbers.get(name)}, ${number}`,
        );
      }
      assert.equal(evaluate("copy", "--gpu-memory", "20MiB"), found);
      for (const [name, number] of flat(evaluate(tiny).kl))
        if (!/^(perplexity|mean_nll|nll_error)/.test(name))
          assert.is(number, /^(correlation|same_top mean)$/.test(name) ? 1 : 0, name);
    }),
  );

  test(
    "a report has a number of each window, whose mean is the loss, and each field of a record; eval has one of each text",
    inFolder(async (folder) => {
      writeText(join(folder, "text.jsonl"));
      writeFileSync(join(folder, "each.lcomp"), each);
      const given = ["--model", tiny, "--text", "text.jsonl", "--length", String(length), "--quiet"];
      const { stdout } = lcomp(folder, ["run", "each.lcomp", ...given, "--json"]);
      const { measures, values, series } = JSON.parse(stdout);
      const texts = ["--text", "here=text.jsonl", "--text", "text.jsonl", "--length", String(length)];
      const several = JSON.parse(lcomp(folder, ["eval", tiny, ...texts, "--json", "--quiet"]).stdout).texts;
      assert.equal(Object.keys(several), ["here", "text"]);
      assert.equal(several.here, several.text);
      assert.is(several.here.mean_nll, measures.mean_nll.model);
      const losses: readonly number[] = series["window_loss(model, text.test, length)"];
      assert.is(losses.length, tokens.length / length);
      const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
      assert.ok(Math.abs(mean - measures.mean_nll.model) < 1e-6, `${mean}, not ${measures.mean_nll.model}`);
      assert.equal(series["nats.loss"], losses);
      assert.equal(Object.keys(values), ["nats.of.model", "whole"]);
      assert.is(values["nats.of.model"], measures.mean_nll.model);
      assert.is(measures["least_and_most.least"].model, Math.min(...losses));
      assert.is(measures["least_and_most.most"].model, Math.max(...losses));
      assert.match(
        lcomp(folder, ["run", "each.lcomp", ...given]).stdout,
        /window_loss\(model, text\.test, length\): \d/,
      );
    }),
  );

  test(
    "two models with vocabularies of 128 Ki tokens take less than the logits of a window: strips, and nothing of them on the host",
    inFolder(async (folder) => {
      const [length, vocabulary] = [2048, 2 ** 17];
      const logits = 4 * length * vocabulary;
      const budget = { gpu: logits / 4, host: logits / 16 };
      const config = { vocab_size: vocabulary, max_position_embeddings: length };
      const models = ["one", "other"].map((name) => join(folder, name));
      for (const model of models) await writeHollow(model, { config, dtype: "BF16" });
      const path = join(folder, "apart.lcomp");
      writeFileSync(path, apart);
      const [model = "", against = ""] = models;
      const { loaded, inputs } = await openRecipe(readRecipe(path), { model, against });
      const corpora = new Map([["text", { tokens: { test: 4 * length } }]]);
      for (const device of [facts, { ...facts, kind: "gpu", software: false } as const]) {
        const { peaks } = plan(loaded, { ...inputs, corpora, budget }, device);
        assert.ok(peaks.gpu <= budget.gpu && peaks.host <= budget.host, `${device.kind}: ${JSON.stringify(peaks)}`);
      }
    }),
  );
});
