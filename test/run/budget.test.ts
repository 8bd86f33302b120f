/** What plans promise of memory, against what is counted while they run, for several budgets. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as assert from "uvu/assert";
import type { Plan } from "../../compiler/plan/plan.ts";
import { pieceBytes } from "../../compiler/plan/slots.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { randomOf, seed } from "../ops/random.ts";
import { root } from "../repository/sources.ts";
import { closeDevice, runRecipe } from "./recipe.ts";

const MiB = 2 ** 20;

const recipe = `import { wanda } from "std/prune/wanda"
import { perplexity } from "std/evaluate"

recipe small(model: Model, text: Corpus) {
  let sample = text.train.sample(6, length: 96, seed: 0)
  stage sparse = wanda(50%) of model over sample for linear except lm_head
  report perplexity(sparse, text.test, length: 64)
  save sparse as "huggingface"
}
`;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const cut = `import { minitron_width } from "std/prune/minitron"
import { angular } from "std/prune/angular"
import { shortgpt } from "std/prune/shortgpt"
import { perplexity } from "std/evaluate"

recipe cut(model: Model, text: Corpus) {
  let sample = text.train.sample(4, length: 64, seed: 0)
  stage short = shortgpt(drop: 1) of model over sample
  stage shorter = angular(drop: 1) of short over sample
  stage small = minitron_width(mlp: 50%, multiple: 16) of shorter over sample
  report perplexity(small, text.test, length: 64)
}
`;

/** Array buffers of the process before anything runs. */
const before = process.memoryUsage().arrayBuffers;

/** Runs the recipe within so many bytes of GPU memory, and at most so many of the host's: as counted what was promised. */
async function runWithin(
  folder: string,
  model: string,
  gpu: number,
  { name = "small", most = Infinity }: { readonly name?: string; readonly most?: number } = {},
): Promise<Plan> {
  collectGarbage(); // what an earlier run has left is not this one's
  let host = 0;
  let made: Plan | undefined;
  const count = (): void => {
    host = Math.max(host, process.memoryUsage().arrayBuffers - before);
  };
  const files = { model, text: join(folder, "text.jsonl") };
  const out = name === "small" ? join(folder, `out ${gpu} ${most}`) : undefined;
  const { gpuPeak } = await runRecipe(join(folder, `${name}.lcomp`), files, out, {
    budget: { gpu, host: most },
    planned: (plan) => {
      made = plan;
    },
    progress: count,
  });
  if (made === undefined) throw new Error("nothing was planned");
  const { peaks } = made;
  assert.is(gpuPeak, peaks.gpu, `GPU memory within ${gpu}`);
  assert.ok(peaks.gpu <= gpu && peaks.host <= most);
  assert.ok(Math.abs(host - peaks.host) <= 16 * MiB, `${host} bytes of array buffers, ${peaks.host} promised`);
  return made;
}

/** The least that does, as the refusal of less says. */
async function leastOf(folder: string, model: string): Promise<number> {
  try {
    await runWithin(folder, model, 0);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const [problem] = error.diagnostics;
    assert.is(problem?.id, "over-budget");
    return Number(/--gpu-memory (\d+)MiB would do/.exec(problem?.hint ?? "")?.[1]) * MiB;
  }
  throw new Error("no GPU memory was enough");
}

suite(`run: budgets (seed ${seed})`, ({ test }) => {
  const random = randomOf("budgets");
  const drawn = {
    config: {
      ...{ hidden_size: 16 * random.integer(2, 8), intermediate_size: 16 * random.integer(2, 12) },
      ...{ num_attention_heads: random.pick([2, 4]), num_key_value_heads: random.pick([1, 2]) },
      num_hidden_layers: random.integer(1, 3),
    },
    dtype: random.pick(["F32", "F16", "BF16"] as const),
    isUntied: random.pick([true, false]),
  };
  for (const [name, modelIn, ...tags] of [
    ["the example", async () => join(root, "examples/tiny")],
    [
      `a drawn model, ${JSON.stringify(drawn)}`,
      async (folder: string) => {
        await writeDecoder(join(folder, "model"), drawn);
        return join(folder, "model");
      },
      "swiftshader",
    ],
  ] as const)
    test(
      `${name}: what is promised is counted, whatever the budget, and the result has the same bytes`,
      inFolder(async (folder) => {
        writeFileSync(join(folder, "small.lcomp"), recipe);
        writeFileSync(join(folder, "text.jsonl"), someText(40));
        const model = await modelIn(folder);
        const plenty = await runWithin(folder, model, Infinity);
        const weights = readFileSync(join(folder, "out Infinity Infinity/model.safetensors"));
        const least = await leastOf(folder, model);
        const own = plenty.peaks.gpu - pieceBytes;
        for (const gpu of [pieceBytes + Math.floor(0.7 * own), least]) {
          if (gpu < least || gpu >= plenty.peaks.gpu) continue;
          const made = await runWithin(folder, model, gpu);
          const moved = made.steps.flatMap(({ places }) => Object.keys(places)).length;
          assert.ok(
            moved > 0 || made.programs.some(({ main }, i) => main.length > (plenty.programs[i]?.main.length ?? 0)),
          );
          assert.ok(
            readFileSync(join(folder, `out ${gpu} Infinity/model.safetensors`)).equals(weights),
            `within ${gpu}`,
          );
          if (moved === 0) continue;
          const spilt = await runWithin(folder, model, gpu, { most: made.peaks.host - 1 });
          assert.ok(spilt.steps.some(({ places }) => Object.values(places).includes("disk")));
          assert.ok(spilt.peaks.host < made.peaks.host);
          assert.ok(
            readFileSync(join(folder, `out ${gpu} ${made.peaks.host - 1}/model.safetensors`)).equals(weights),
            "on disk",
          );
        }
      }),
      ...tags,
    );

  test(
    "what decisions of a run leave of layers and of widths is promised to the byte, too",
    inFolder(async (folder) => {
      writeFileSync(join(folder, "cut.lcomp"), cut);
      writeFileSync(join(folder, "text.jsonl"), someText(10));
      await runWithin(folder, join(root, "examples/tiny"), Infinity, { name: "cut" });
    }),
    "swiftshader",
  );

  test("the device closes", closeDevice);
});
