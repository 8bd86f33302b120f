/** Tables as codes, alone and with the head that shares their weight: one tensor, decoded by whoever reads it. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Plan } from "../../compiler/plan/plan.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import { openModel } from "../../runtime/cli/models.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { someText, type Variant, writeDecoder } from "../given/model-folder.ts";
import { writeRecorded } from "../given/recorded-model.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readTensor } from "../io/tensors.ts";
import { readDecoder } from "../run/decoder.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";
import { closeTokens, runText } from "./on-tokens.ts";
import * as rules from "./rounding-rules.ts";

const recipe = (stages: string, format: string): string => `
import { gptq } from "std/quantize/gptq"
import { q4_0, q8_0 } from "std/quantize/ggml"
import { q6_k } from "std/quantize/k_quants"
import { rtn } from "std/quantize/rtn"
import { mean_nll } from "std/evaluate"

recipe tables(model: Model, text: Corpus) {
  let sample = text.train.sample(2, length: 16, seed: 0)
${stages}
  report mean_nll(small, text.test, length: 16), bytes(small)
  save small as "${format}"
}
`;

const sizes = { hidden_size: 64, intermediate_size: 96, num_attention_heads: 4, num_key_value_heads: 2 };
const [table, head] = ["model.embed_tokens.weight", "lm_head.weight"];

/** What was planned, and what was reported: a loss, and bytes. */
async function run(folder: string, stages: string, format: string, model = "model", out = "out") {
  const plans: Plan[] = [];
  writeFiles(folder, { "tables.lcomp": recipe(stages, format), "text.jsonl": someText(10) });
  const flags = { model: join(folder, model), text: join(folder, "text.jsonl") };
  const watching = { planned: (plan: Plan) => void plans.push(plan) };
  const { reports } = await runRecipe(join(folder, "tables.lcomp"), flags, join(folder, out), watching);
  const [loss = NaN, bytes = NaN] = reports.map(({ value }) => Number(value));
  return { plan: plans[0] as Plan, loss, bytes };
}

const written = (folder: string, variant: Variant = {}): Promise<void> =>
  writeDecoder(join(folder, "model"), { ...variant, config: { ...sizes, ...variant.config } });

async function numbers(folder: string, name: string): Promise<Float32Array> {
  const tensor = (await openCheckpoint(folder)).tensors.get(name);
  if (!tensor) throw new Error(`${folder} has no ${name}`);
  return new Float32Array((await readTensor(tensor)).slice().buffer);
}

/** The bytes of the largest buffer of programs that read a table of which this is a field, but for tensors of files and windows. */
const largestBeside = ({ programs }: Plan, field: string): number =>
  Math.max(
    ...programs
      .filter(({ buffers }) => buffers.some(({ slot }) => slot?.name.endsWith(field) && slot.role === "weight"))
      .flatMap(({ buffers }) => buffers.filter(({ slot }) => slot === null).map(({ bytes }) => bytes)),
  );

suite("recipe: tables as codes", ({ test }) => {
  for (const selector of ["embed", "linear, lm_head except layer"])
    test(
      `for ${selector}: a head and its table are one tensor of codes, of which nothing dense is made`,
      inFolder(async (folder) => {
        await written(folder);
        const stage = `  stage small = rtn(4, every: 32) of model for ${selector}`;
        const coded = await run(folder, stage, "lcomp");
        const dense = 1024 * 64 * 4;
        const given = await openCheckpoint(join(folder, "model"));
        const all = [...given.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
        assert.is(coded.bytes, all - dense + (dense * (4 + (16 + 4) / 32)) / 32);
        assert.ok(largestBeside(coded.plan, "embed_tokens.weight.code") < dense / 2);
        const names = [...(await openCheckpoint(join(folder, "out"))).tensors.keys()].filter(
          (name) => !name.includes("layers"),
        );
        assert.equal(names.sort(), [
          ...["code", "scale", "zero"].map((field) => `${table}.${field}`),
          "model.norm.weight",
        ]);
        const again = await run(folder, "  let small = model", "huggingface", "out", "again");
        assert.ok(Math.abs(again.loss / coded.loss - 1) < 1e-6, `${again.loss}, ${coded.loss}`);
        const rule = rules.affine(4, 32);
        assert.equal(
          [...(await numbers(join(folder, "again"), table))],
          [...rule(await numbers(join(folder, "model"), table))],
        );
        const numbered = await run(folder, "  let small = model", "huggingface", "again", "last");
        assert.ok(Math.abs(numbered.loss / coded.loss - 1) < 1e-6, `${numbered.loss}, ${coded.loss}`);
      }),
      ...(selector === "embed" ? (["swiftshader"] as const) : []),
    );

  test(
    "a head of its own, and its table, are coded each by itself",
    inFolder(async (folder) => {
      await written(folder, { isUntied: true });
      const stages = `  stage first = rtn(8, every: 32) of model for embed
  stage small = gptq(4, every: 32) of first over sample for lm_head`;
      const { plan } = await run(folder, stages, "huggingface");
      assert.ok(plan.steps.some(({ part }) => part.what === "statistics" && part.layer === null));
      const [w, v] = [await numbers(join(folder, "model"), table), await numbers(join(folder, "out"), table)];
      assert.equal([...v], [...rules.affine(8, 32)(w)]);
      const [own, coded] = [await numbers(join(folder, "model"), head), await numbers(join(folder, "out"), head)];
      const levels = new Set(coded.subarray(0, 32));
      assert.ok(levels.size > 4 && levels.size <= 16, `${levels.size} levels in a run`);
      assert.ok(own.some((x, i) => x !== coded[i]));
    }),
  );

  test(
    "a head that is tied is observed, and its table becomes what the method gives",
    inFolder(async (folder) => {
      await written(folder);
      const { plan } = await run(
        folder,
        "  stage small = gptq(4, every: 32) of model over sample for lm_head",
        "huggingface",
      );
      const statistics = plan.steps.filter(({ part }) => part.what === "statistics");
      assert.equal(
        statistics.map(({ part }) => part.layer),
        [null],
      );
      const [given, made] = [await numbers(join(folder, "model"), table), await numbers(join(folder, "out"), table)];
      const nearest = rules.affine(4, 32)(given);
      assert.ok(
        made.some((x, i) => x !== nearest[i]),
        "errors were pushed on",
      );
      assert.is((await openCheckpoint(join(folder, "out"))).tensors.has(head), false);
    }),
  );

  for (const isUntied of [false, true])
    test(
      `GGUF: codes of ${isUntied ? "the table and the head" : "the table that is both"} are blocks of the file, and stay codes where it is read`,
      inFolder(async (folder) => {
        await written(folder, { isUntied, dtype: "BF16", config: { hidden_size: 256, intermediate_size: 256 } });
        const last = isUntied ? "some for lm_head" : "some for q";
        const stages = `  stage some = q6_k() of model for embed\n  stage small = q8_0() of ${last}`;
        const { loss } = await run(folder, stages, "gguf");
        const file = await openModel(join(folder, "out/model.gguf"));
        const names = [...file.tensors.keys()];
        assert.ok(names.includes(`${table}.low`) && !names.includes(table), `${names}`);
        assert.is(names.includes(`${head}.code`), isUntied);
        const again = await run(folder, "  let small = model", "huggingface", "out/model.gguf", "again");
        assert.ok(Math.abs(again.loss / loss - 1) < 1e-6, `${again.loss}, ${loss}`);
        assert.ok(largestBeside(again.plan, "embed_tokens.weight.low") < 1024 * 256 * 2);
      }),
    );

  test(
    "tables of GPT-2: words beside positions, and a head that is tied to one",
    inFolder(async (folder) => {
      const [model, out] = [join(folder, "model"), join(folder, "out")];
      writeRecorded(model, "gpt2");
      const tokens = Array.from({ length: 96 }, (_, i) => (i * i * 7 + 13 * i) % 96);
      const text = recipe("  stage small = rtn(4, every: 16) of model for embed, place", "huggingface");
      const coded = await runText(text.replace(/ *let sample.*/, ""), model, { test: tokens }, out);
      const [given, found] = [await readDecoder(model), await readDecoder(out)];
      for (const name of ["transformer.wte.weight", "transformer.wpe.weight"]) {
        const [w, v] = [given, found].map(({ tensors }) => Float32Array.from(tensors.get(name) ?? []));
        assert.equal([...(v ?? [])], [...rules.affine(4, 16)(w as Float32Array)], name);
      }
      const dense = await runText(
        recipe("  let small = model", "huggingface").replace(/ *(let sample|save).*/g, ""),
        out,
        { test: tokens },
      );
      const [a, b] = [coded, dense].map(({ reports }) => Number(reports[0]?.value)) as [number, number];
      assert.ok(Math.abs(a - b) < 1e-6, `${a}, ${b}`);
    }),
  );

  for (const target of ["gptq", "awq", "compressed-tensors"])
    test(
      `${target} refuses codes of a table`,
      inFolder(async (folder) => {
        await written(folder);
        const stage = "  stage small = rtn(4, every: 32, symmetric: true) of model for embed";
        const error = await run(folder, stage, target).then(
          () => null,
          (error: unknown) => error,
        );
        assert.ok(error instanceof CompileError);
        assert.equal(
          error.diagnostics.map(({ id }) => id),
          ["target-refuses"],
        );
      }),
    );

  test("the devices close", async () => {
    await closeDevice();
    await closeTokens();
  });
});
