/** A thousand methods of extreme sizes: each is planned, with kernels that Tint accepts, or refused with a message, and nothing else. */
import * as assert from "uvu/assert";
import { loadRecipe, plan } from "../../compiler/compile.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import { facts } from "../fuse/sketch.ts";
import { suite } from "../harness/suite.ts";
import { hostWith } from "../language/run.ts";
import { drawing, randomOf, seed } from "../ops/random.ts";
import { validatePlan } from "../plan/validate.ts";
import { drawExtreme } from "./extremes.ts";

const gpu: DeviceFacts = {
  ...facts,
  kind: "gpu",
  software: false,
  subgroupMaxSize: 32,
  maxStorageBuffersPerShaderStage: 10,
};
const devices: Readonly<Record<string, DeviceFacts>> = {
  lavapipe: { ...facts, maxBufferSize: 2 ** 32 - 2 ** 20, maxStorageBufferBindingSize: 2 ** 27 },
  "a large GPU": { ...gpu, maxBufferSize: 2 ** 40, maxStorageBufferBindingSize: 2 ** 32 - 256 },
};

const draws = drawing(250);

/** "planned", or what the message is called. */
async function outcomeOf(name: string, round: number, device: DeviceFacts): Promise<string> {
  const { source, model } = drawExtreme(randomOf(name, round));
  try {
    const loaded = loadRecipe(hostWith({ "own.lcomp": source }), "own.lcomp");
    const made = plan(
      loaded,
      { parameters: new Map(), models: new Map([["model", model]]), corpora: new Map() },
      device,
    );
    await validatePlan(made, device);
    return "planned";
  } catch (error) {
    if (error instanceof CompileError) return error.diagnostics.map(({ id }) => id).join();
    throw new Error(`draw ${round}: ${error instanceof Error ? error.message : error}\n${source}`, { cause: error });
  }
}

suite(`extreme sizes, LCOMP_SEED=${seed}`, ({ test }) => {
  for (const [name, device] of Object.entries(devices))
    test(`${draws} methods are planned or refused for ${name}`, async () => {
      const outcomes = new Map<string, number>();
      for (let round = 0; round < draws; round++) {
        const outcome = await outcomeOf(name, round, device);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      const least = draws / 4;
      assert.ok((outcomes.get("planned") ?? 0) > least, JSON.stringify([...outcomes]));
    });
});
