import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { demands, peakOf } from "../../compiler/memory/peak-memory.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { pieceBytes } from "../../compiler/plan/slots.ts";
import { type Device, openDevice } from "../../runtime/gpu/device.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { OutputFolder } from "../../runtime/io/output-folder.ts";
import type { RunResult } from "../../runtime/run/result.ts";
import { runPlan } from "../../runtime/run/run-plan.ts";
import type { RunOptions } from "../../runtime/run/session.ts";
import { UserError } from "../../runtime/user-error.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, refused, writeFolder } from "../io/folder.ts";
import { away } from "./by-hand.ts";
import { handMadePlan, type PlanOptions, type Shape, valuesOf, writeModel } from "./plan.ts";

const shape: Shape = { hidden: 16, layers: 3, length: 4, vocabulary: 10 };
const tokens = Int32Array.from({ length: 21 }, (_, i) => (i * 7 + (i >> 2)) % shape.vocabulary);
const windows = 5;
const planFor = (options: Partial<PlanOptions> = {}): Plan =>
  handMadePlan(shape, { threshold: 1.2, propagate: "compressed", windows, tokens: tokens.length, ...options });

type Numbers = Float64Array<ArrayBuffer>;

interface Expected {
  readonly weights: readonly Numbers[];
  readonly mean: number;
}

/** What the plan computes, in float64: the weights of each layer and the sum of the windows' means. */
async function reference(
  folder: string,
  { threshold, propagate }: Pick<PlanOptions, "threshold" | "propagate">,
): Promise<Expected> {
  const { hidden: n, length, layers } = shape;
  const embed = await valuesOf(folder, "embed");
  const start: Numbers[] = Array.from({ length: windows }, (_, i) =>
    Float64Array.from(
      { length: length * n },
      (_, at) => embed[(tokens[i * length + Math.floor(at / n)] ?? 0) * n + (at % n)] ?? 0,
    ),
  );
  const advance = (x: Numbers, w: Numbers): Numbers =>
    x.map((value, at) => {
      const [t, row] = [Math.floor(at / n), at % n];
      let sum = 0;
      for (let j = 0; j < n; j++) sum += (w[row * n + j] ?? 0) * (x[t * n + j] ?? 0);
      return value + sum / n;
    });
  const weights: Numbers[] = [];
  let seen = start;
  for (let layer = 0; layer < layers; layer++) {
    const old = Float64Array.from(await valuesOf(folder, `layers.${layer}.w`));
    const power = new Float64Array(n);
    for (const x of seen) for (const [at, value] of x.entries()) power[at % n] = (power[at % n] ?? 0) + value * value;
    const sparse = old.map((value, at) => (Math.abs(value) * Math.sqrt(power[at % n] ?? 0) >= threshold ? value : 0));
    weights.push(sparse);
    seen = seen.map((x) => advance(x, propagate === "compressed" ? sparse : old));
  }
  const results = weights.reduce<readonly Numbers[]>((all, w) => all.map((x) => advance(x, w)), start);
  const mean = results.reduce((sum, x) => sum + x.reduce((a, b) => a + b, 0) / x.length, 0);
  return { weights, mean };
}

let device: Promise<Device> | undefined;

async function run(folder: string, plan: Plan, options: Partial<RunOptions> = {}, to = "out"): Promise<RunResult> {
  device ??= openDevice();
  const given: Omit<RunOptions, "output"> = {
    device: await device,
    models: new Map([["model", await openCheckpoint(join(folder, "model"))]]),
    corpora: new Map([["text", { test: tokens }]]),
    progress: () => undefined,
    signal: new AbortController().signal,
  };
  const result = await writeFolder(join(folder, to), (output) => runPlan(plan, { ...given, output, ...options }));
  assert.is(result.gpuPeak, peakOf(demands(plan)).gpu);
  return result;
}

const total = ({ reports }: RunResult): number =>
  reports.find(({ text }) => text === "total(sparse)")?.value ?? Number.NaN;

suite("run: driver", ({ test }) => {
  for (const propagate of ["compressed", "dense"] as const) {
    test(
      `statistics, results and evaluation are right when the next block sees ${propagate} activations`,
      inFolder(async (folder) => {
        await writeModel(join(folder, "model"), shape);
        const result = await run(folder, planFor({ propagate }));
        const expected = await reference(join(folder, "model"), { threshold: 1.2, propagate });
        for (const [layer, weights] of expected.weights.entries()) {
          assert.equal([...(await valuesOf(join(folder, "out"), `layers.${layer}.w`))], [...weights], `layer ${layer}`);
          const zeros = weights.filter((value) => value === 0).length;
          assert.ok(zeros > 20 && zeros < 236, `${zeros} zeros do not tell much`);
          const { changed = [] } = result.stages[0] ?? {};
          assert.equal(changed[layer], { layer, what: "w", tensor: `layers.${layer}.w`, zeros, count: 256 });
        }
        assert.ok(Math.abs(total(result) - expected.mean) < 1e-5, `${total(result)} is not ${expected.mean}`);
        assert.is(result.reports[0]?.value, shape.layers);
        assert.ok(result.compileSeconds > 0);
      }),
      "swiftshader",
    );
  }

  test(
    "before anything else, room is asked for what the stages and the result take together",
    inFolder(async (folder) => {
      await writeModel(join(folder, "model"), shape);
      const asked: [bytes: number, written: number][] = [];
      class Asked extends OutputFolder {
        override requireSpace(bytes: number): Promise<void> {
          asked.push([bytes, Object.keys(this.hashes()).length]);
          return super.requireSpace(bytes);
        }
      }
      const output = new Asked(join(folder, "out"));
      const result = await run(folder, planFor(), { output }, "other");
      output.abort();
      const { tensors } = await openCheckpoint(join(folder, "model"));
      const saved = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
      const changed = (result.stages[0]?.changed ?? []).map(({ tensor }) => tensors.get(tensor)?.bytes ?? Number.NaN);
      assert.equal(asked[0], [saved + changed.reduce((sum, bytes) => sum + bytes), 0]);
    }),
    "swiftshader",
  );

  test(
    "activations in host memory, and on disk, give the same bytes as activations on the GPU",
    inFolder(async (folder) => {
      await writeModel(join(folder, "model"), shape);
      const onDevice = await run(folder, planFor(), {}, "device");
      for (const place of ["host", "disk"] as const) {
        const moved = await run(folder, away(planFor(), place), {}, place);
        assert.is(total(moved), total(onDevice));
        // The card and the lock have the hash of the plan, which says where activations lie.
        for (const name of ["config.json", "merges.txt", "model.safetensors"])
          assert.equal(readFileSync(join(folder, place, name)), readFileSync(join(folder, "device", name)), name);
      }
    }),
  );

  test(
    "with whatever GPU memory there is a run is right, or says in bytes what it lacks and leaves nothing",
    inFolder(async (folder) => {
      await writeModel(join(folder, "model"), shape);
      const plenty = total(await run(folder, planFor(), {}, "plenty"));
      const outcomes = new Set<string>();
      for (let room = 256; room <= 8192; room += 256) {
        const [gpuMemory, to] = [pieceBytes + room, String(room)];
        const outcome = await run(folder, planFor(), { gpuMemory }, to).then(total, (error: unknown) => error);
        outcomes.add(typeof outcome);
        if (outcome === plenty) continue;
        assert.instance(outcome, UserError, String(outcome));
        const { message } = outcome as UserError;
        assert.match(
          message,
          /^No GPU memory for .*: [\d.]+ [KM]iB are in use, [\d.]+ [KM]iB more are needed, [\d.]+ [KM]iB are/,
        );
        assert.not(existsSync(join(folder, to)));
      }
      assert.is(outcomes.size, 2, "limits that suffice, and limits that do not");
    }),
  );

  test(
    "what this machine has no memory for is refused at the start",
    inFolder(async (folder) => {
      await writeModel(join(folder, "model"), shape);
      const made = { ...planFor(), peaks: { gpu: 0, host: 2 ** 60 } };
      await refused(() => run(folder, made), /^the plan takes 1048576 TiB of memory at once, and [\d.]+ GiB are/);
    }),
  );

  test(
    "the activations behind a block take the places of those before it",
    inFolder(async (folder) => {
      await writeModel(join(folder, "model"), shape);
      const many = Int32Array.from({ length: 64 * shape.length }, (_, i) => (i * 7) % shape.vocabulary);
      const corpora = new Map([["text", { test: many }]]);
      const plan = planFor({ windows: 64, tokens: many.length });
      const plenty = await run(folder, plan, { corpora }, "plenty");
      const gpuMemory = pieceBytes + (64 + 24) * 4 * shape.hidden * shape.length; // twice 64 windows do not fit
      assert.is(total(await run(folder, plan, { corpora, gpuMemory }, "scarce")), total(plenty));
    }),
  );

  test(
    "a result holds weights, config, companions, card and lock, and nothing of the machine",
    inFolder(async (folder) => {
      await writeModel(join(folder, "model"), shape);
      await run(folder, planFor());
      const out = join(folder, "out");
      const files = ["README.md", "config.json", "lcomp.lock.json", "merges.txt", "model.safetensors"];
      assert.equal(readdirSync(out), files);
      assert.equal(await valuesOf(out, "embed"), await valuesOf(join(folder, "model"), "embed"));
      const card = readFileSync(join(out, "README.md"), "utf8");
      assert.match(card, /^# hand\n\n```text\nMade by hand\.\n```\n/m);
      assert.match(card, /\| sparse \| drop \| \d+\.\d\d % of 3 matrices \|/);
      assert.match(card, /\| total\(sparse\) \| -?\d/);
      assert.match(card, /```lcomp\nrecipe hand\(\) \{\}\n```/);
      for (const name of ["README.md", "lcomp.lock.json"])
        assert.not.match(readFileSync(join(out, name), "utf8"), folder);
      assert.equal(readdirSync(folder), ["model", "out"]);
    }),
  );

  test(
    "an expectation that fails ends the run and leaves nothing to keep",
    inFolder(async (folder) => {
      await writeModel(join(folder, "model"), shape);
      const expectation = { kind: "expect", text: "1 > 2", of: null, value: 0, place: "hand.lcomp:9:3" } as const;
      const attempt = run(folder, planFor({ values: [expectation] })).then((result) => {
        assert.equal(result.expects, [
          { text: "total(sparse) < 1000000", place: "hand.lcomp:1:1", holds: true, sides: [] },
          { text: "1 > 2", place: "hand.lcomp:9:3", holds: false, sides: [] },
        ]);
        assert.is(result.isSaved, false);
        throw new UserError("not kept");
      });
      await refused(() => attempt, /not kept/);
    }),
  );
});

const spoilt: readonly (readonly [string, string, number, RegExp])[] = [
  ["a NaN weight is named with its place", "layers.1.w", Number.NaN, /tensor layers\.1\.w in .* holds NaN at \[0, 3\]/],
  [
    "an infinite embedding is named",
    "embed",
    Number.POSITIVE_INFINITY,
    /tensor embed in .* holds Infinity at \[0, 3\]/,
  ],
];

suite("run: refusals", ({ test }) => {
  for (const [name, tensor, value, message] of spoilt) {
    test(
      name,
      inFolder(async (folder) => {
        await writeModel(join(folder, "model"), shape, (each, values) => {
          if (each === tensor) values[3] = value;
        });
        await refused(() => run(folder, planFor()), message);
        assert.equal(readdirSync(folder), ["model"]);
      }),
    );
  }

  test(
    "a statistic that overflows names stage and layer",
    inFolder(async (folder) => {
      const large = handMadePlan(shape, { threshold: 1, propagate: "compressed", windows, tokens: tokens.length });
      const kernels = large.kernels.map((each) =>
        each.hash === "power" ? { ...each, wgsl: each.wgsl.replace("v * v", "v * v * 1e38 * 1e3") } : each,
      );
      await writeModel(join(folder, "model"), shape);
      await refused(() => run(folder, { ...large, kernels }), /^stage sparse, layer 0: the power of w is Infinity$/);
    }),
  );

  test(
    "a result with an infinity names stage, layer and tensor",
    inFolder(async (folder) => {
      const plan = planFor();
      const kernels = plan.kernels.map((each) =>
        each.hash === "drop" ? { ...each, wgsl: each.wgsl.replace("pair.x = 0.0", "pair.x = 70000.0 * s[0]") } : each,
      );
      await writeModel(join(folder, "model"), shape);
      await refused(
        () => run(folder, { ...plan, kernels }),
        /^stage sparse, layer 0, w \(layers\.0\.w\): the weight becomes (NaN|-?Infinity)$/,
      );
    }),
  );

  test(
    "a model of another shape is refused before it is computed with",
    inFolder(async (folder) => {
      await writeModel(join(folder, "model"), { ...shape, hidden: 8 });
      await refused(
        () => run(folder, planFor()),
        /made for another model: it expects embed as f16 \[10, 16\], here it is F16 \[10, 8\]/,
      );
    }),
  );

  test(
    "an interrupted run leaves nothing behind",
    inFolder(async (folder) => {
      await writeModel(join(folder, "model"), shape);
      const controller = new AbortController();
      let stages = "";
      const plan = planFor();
      const progress = ({ step }: { readonly step: number }): void => {
        if (plan.steps[step]?.part.layer !== 1) return;
        stages = readdirSync(folder).join(" ");
        controller.abort(new UserError("Interrupted.", { exitCode: 130 }));
      };
      await refused(() => run(folder, plan, { signal: controller.signal, progress }), /^Interrupted\.$/);
      assert.match(stages, /^\.out\.partial-\S+ model$/);
      assert.not(existsSync(join(folder, "out")));
      assert.equal(readdirSync(folder), ["model"]);
    }),
  );

  test("the device closes", async () => (await device)?.close());
});
