/** The pieces of plans that are written by hand. */

import { type Plan, planVersion } from "../../compiler/plan/plan.ts";
import type { Buffer, Dispatch, Kernel, Program, Slot } from "../../compiler/plan/program.ts";
import { hash } from "../../compiler/plan/sha256.ts";
import type { Step } from "../../compiler/plan/step.ts";

/** The names of dimensions and their sizes. */
export type Dims = readonly (readonly [name: string, size: number])[];

export function slot(id: number, name: string, role: Slot["role"], dtype: Slot["dtype"], dims: Dims): Buffer {
  const count = dims.reduce((product, [, size]) => product * size, 1);
  const bytes = Math.ceil((count * (dtype === "f16" ? 2 : 4)) / 4) * 4;
  const sum = role === "accumulator" ? { accumulate: "sum" as const } : {};
  return {
    id,
    bytes,
    slot: { name, role, dtype, dims: dims.map(([d, size]) => ({ name: d, size })), ...sum },
  };
}

const half =
  "fn half(i: u32, word: u32) -> f32 { let p = unpack2x16float(word); return select(p.x, p.y, i % 2u == 1u); }";
/** One invocation for each of the numbers. */
export const entry = "@compute @workgroup_size(32) fn main(@builtin(global_invocation_id) id: vec3u)";
const bind = (i: number, name: string, type: string, access: string): string =>
  `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${type}>;`;

export function kernel(
  hash: string,
  bindings: readonly [string, string, Kernel["bindings"][number]][],
  rest: string,
): Kernel {
  const head = bindings.map(([name, type, access], i) => bind(i, name, type, access));
  return {
    hash,
    features: [],
    bindings: bindings.map(([, , access]) => access),
    wgsl: [...head, half, rest].join("\n"),
  };
}

export function program(
  name: string,
  buffers: readonly Buffer[],
  main: readonly (readonly [string, readonly number[], number])[],
): Program {
  const dispatches = main.map(([hash, bound, invocations]): Dispatch => {
    const bindings = bound.map((id) => ({ buffer: id, offset: 0, bytes: buffers[id]?.bytes ?? 0 }));
    const workgroups = [Math.ceil(invocations / 32), 1, 1] as const;
    return {
      kernel: hash,
      bindings,
      workgroups,
      origin: ["run-plan.ts:1"],
      bytesMoved: 0,
      operations: 0,
      shape: "map",
    };
  });
  const scratch = buffers.filter(({ region }) => region !== undefined);
  const regions = scratch.map(({ bytes }) => ({ bytes, lasts: false }));
  return { name, graph: hash(name), buffers, regions, setup: [], main: dispatches };
}

/** A step without checks, of a part that no stage has. */
export const step = (program: string, over: number | null, reads: Step["reads"], rest: Partial<Step> = {}): Step => ({
  ...{ program, reads, over, checks: [], durable: [], places: {} },
  part: { stage: null, of: "model", layer: null, what: program },
  ...rest,
});

export const anyDevice: Plan["device"] = {
  kind: "null",
  software: true,
  hasF16: false,
  hasSubgroups: false,
  subgroupMinSize: 0,
  subgroupMaxSize: 0,
  subgroupMatrices: [],
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 32,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 2 ** 14,
  maxComputeWorkgroupsPerDimension: 65535,
};

/** A plan that does nothing. */
export const emptyPlan: Plan = {
  version: planVersion,
  recipe: {
    name: "hand",
    doc: "Made by hand.",
    text: "recipe hand() {}\n",
    parameters: [],
    sources: [{ module: "hand.lcomp", sha256: "0" }],
  },
  models: [],
  corpora: [],
  device: anyDevice,
  windows: [],
  stages: [],
  steps: [],
  values: [],
  saves: [],
  programs: [],
  kernels: [],
  peaks: { gpu: 0, host: 0 },
};

/** The plan with the activations that these steps make in host memory, or on disk. */
export const away = (plan: Plan, place: "host" | "disk", ats: readonly number[] = [...plan.steps.keys()]): Plan => ({
  ...plan,
  steps: plan.steps.map((each, at) => ({
    ...each,
    places: each.over !== null && ats.includes(at) ? { x: place, y: place } : {},
  })),
});
