/** What a run finds of earlier ones in its store: of itself, when it was interrupted, and of others. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { demands, peakOf } from "../../compiler/memory/peak-memory.ts";
import { withDurable } from "../../compiler/plan/durable.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { type Device, openDevice } from "../../runtime/gpu/device.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import type { RunResult } from "../../runtime/run/result.ts";
import { runPlan } from "../../runtime/run/run-plan.ts";
import { StoreFolder } from "../../runtime/store/store-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, writeFolder } from "../io/folder.ts";
import { away } from "./by-hand.ts";
import { handMadePlan, type Shape, writeModel } from "./plan.ts";

const shape: Shape = { hidden: 64, layers: 3, length: 4, vocabulary: 10 };
const tokens = Int32Array.from({ length: 21 }, (_, i) => (i * 7 + (i >> 2)) % shape.vocabulary);
const plan = handMadePlan(shape, { threshold: 1.2, propagate: "compressed", windows: 5, tokens: tokens.length });

let device: Promise<Device> | undefined;

interface Ran {
  readonly result: Omit<RunResult, "stepSeconds" | "compileSeconds" | "gpuPeak">;
  /** The keys of the steps that have ended in the store. */
  readonly steps: readonly string[];
  readonly notes: readonly string[];
}

const interruption = new Error("interrupted");

/** Runs the plan on `folder/model` with the store `folder/store`, until the moment of that number, into `folder/NAME`. */
async function run(folder: string, made: Plan, name: string, until = Infinity): Promise<Ran> {
  device ??= openDevice();
  const models = new Map([["model", await openCheckpoint(join(folder, "model"))]]);
  const notes: string[] = [];
  const note = (sentence: string) => notes.push(sentence);
  const store = new StoreFolder(join(folder, "store"));
  let moments = 0;
  const progress = (): void => {
    if (moments++ === until) throw interruption;
  };
  const { signal } = new AbortController();
  const given = { device: await device, models, corpora: new Map([["text", { test: tokens }]]), signal };
  try {
    const ran = await writeFolder(join(folder, name), (output) =>
      runPlan(made, { ...given, output, folder: store, progress, note }),
    );
    const { stepSeconds, compileSeconds: _, gpuPeak, ...result } = ran;
    assert.ok(made.stages.length > 0);
    for (const stage of made.stages.keys())
      assert.ok(made.steps.some(({ part }, at) => part.stage === stage && (stepSeconds[at] ?? 0) > 0));
    assert.ok(gpuPeak <= peakOf(demands(made)).gpu);
    for (const step of store.records()) assert.match(step.device, /, webgpu \d+\.\d+\.\d+$/);
    return { result, steps: store.records().map(({ key }) => key), notes };
  } finally {
    store.close();
  }
}

/** The files of a result, whole. */
const filesOf = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "latin1")]));

const withModel = (body: (folder: string) => Promise<void>) =>
  inFolder(async (folder) => {
    await writeModel(join(folder, "model"), shape);
    await body(folder);
  });

/** How many more steps than the plan has were run. */
const repeated = ({ steps }: Ran): number => steps.length - plan.steps.length;

suite("run: earlier runs", ({ test }) => {
  for (const [what, made, most, start] of [
    ["with a checkpoint of activations", withDurable(plan, Infinity), 2, 0],
    ["with activations in host memory", away(withDurable(plan, Infinity), "host"), 2, 4],
    ["with activations on disk", away(withDurable(plan, Infinity), "disk"), 2, 4],
    ["without room for more than results", withDurable(plan, 0), 5, 9],
  ] as const)
    test(
      `interrupted at moments, ${what}, a run ends as if it had not been`,
      withModel(async (folder) => {
        const whole = await run(folder, made, "whole");
        assert.is(repeated(whole), 0);
        for (let moment = start; ; moment += 13) {
          const own = join(folder, String(moment));
          await writeModel(join(own, "model"), shape);
          const error = await run(own, made, "first", moment).then(
            () => undefined,
            (reason: unknown) => reason,
          );
          if (error === undefined) break;
          assert.is(error, interruption);
          const again = await run(own, made, "second");
          assert.equal(again.result, whole.result);
          assert.equal(filesOf(join(own, "second")), filesOf(join(folder, "whole")));
          assert.ok(repeated(again) <= most, `${repeated(again)} steps are repeated after moment ${moment}`);
        }
      }),
      "swiftshader",
    );

  test(
    "what is there is not made again; a copy of the model is the same model; a changed tensor is another",
    withModel(async (folder) => {
      const made = withDurable(plan, Infinity);
      const whole = await run(folder, made, "whole");
      const again = await run(folder, made, "again");
      assert.equal(again.steps, whole.steps);
      const { length } = plan.steps;
      assert.ok(again.notes[0]?.endsWith(`store: ${length} of ${length} steps are done`), again.notes[0]);
      const path = join(folder, "model", "model.safetensors");
      const bytes = readFileSync(path);
      writeFileSync(path, bytes);
      assert.equal((await run(folder, made, "copied")).steps, whole.steps);
      assert.equal(filesOf(join(folder, "copied")), filesOf(join(folder, "whole")));
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      writeFileSync(path, bytes);
      const other = await run(folder, made, "other");
      assert.ok(other.steps.length > whole.steps.length && other.steps.length < 2 * whole.steps.length);
    }),
    "swiftshader",
  );

  test("the device closes", async () => (await device)?.close());
});
