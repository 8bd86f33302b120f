/**
 * A plan written by hand, and a model for it: y = x + W·x / n per block, and a stage that drops the weights with
 * |w|·sqrt(Σ x²) below a threshold. What the driver must compute is computed here in plain numbers.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../../compiler/plan/plan.ts";
import type { Kernel, Program } from "../../compiler/plan/program.ts";
import type { Ref, Step, ValueRecord } from "../../compiler/plan/step.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { toFloat32 } from "../../runtime/io/numbers.ts";
import { SafetensorsWriter } from "../../runtime/io/safetensors-writer.ts";
import { readTensor, toStored } from "../io/tensors.ts";
import { type Dims, emptyPlan, entry, kernel, program, slot, step } from "./by-hand.ts";

export interface Shape {
  readonly hidden: number;
  readonly layers: number;
  readonly length: number;
  readonly vocabulary: number;
}

/** Numbers in -1 .. 1 that are the same each time. */
function* numbers(): Generator<number, never> {
  for (let state = 12345; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 31 - 1;
  }
}

/** Writes a folder with `embed` and a matrix per layer, in F16; `spoil` may change the numbers of a tensor. Large ones repeat themselves. */
export async function writeModel(
  folder: string,
  { hidden, layers, vocabulary }: Shape,
  spoil: (name: string, values: Float32Array) => void = () => undefined,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), `{"vocab_size": ${vocabulary}}\n`);
  writeFileSync(join(folder, "merges.txt"), "carried over\n");
  const shapes = [
    ["embed", [vocabulary, hidden]],
    ...Array.from({ length: layers }, (_, i) => [`layers.${i}.w`, [hidden, hidden]]),
  ] as [string, [number, number]][];
  const declarations = shapes.map(([name, shape]) => ({ name, shape, dtype: "F16" as const }));
  const writer = await SafetensorsWriter.create(join(folder, "model.safetensors"), declarations);
  const random = numbers();
  for (const [name, [rows, columns]] of shapes) {
    const values = Float32Array.from({ length: Math.min(rows * columns, 65536) }, () => random.next().value);
    spoil(name, values);
    const piece = toStored(values, "F16");
    for (let at = 0; at < 2 * rows * columns; at += piece.byteLength) await writer.write(name, piece, at);
  }
  await writer.close();
}

const kernels = (shape: Shape, threshold: number): readonly Kernel[] => [
  ...forwardKernels(shape),
  ...resultKernels(shape, threshold),
];

/** One invocation per element or column. */
function forwardKernels({ hidden: n, length }: Shape): readonly Kernel[] {
  return [
    kernel(
      "embed",
      [
        ["tokens", "i32", "read"],
        ["e", "u32", "read"],
        ["x", "f32", "read_write"],
      ],
      `${entry} { let i = id.x; if (i >= ${n * length}u) { return; }
        let at = u32(tokens[i / ${n}u]) * ${n}u + i % ${n}u; x[i] = half(at, e[at / 2u]); }`,
    ),
    kernel(
      "power",
      [
        ["x", "f32", "read"],
        ["a", "f32", "read_write"],
      ],
      `${entry} { let j = id.x; if (j >= ${n}u) { return; } var sum = a[j];
        for (var t = 0u; t < ${length}u; t++) { let v = x[t * ${n}u + j]; sum += v * v; } a[j] = sum; }`,
    ),
    kernel(
      "block",
      [
        ["x", "f32", "read"],
        ["w", "u32", "read"],
        ["y", "f32", "read_write"],
      ],
      `${entry} { let i = id.x; if (i >= ${n * length}u) { return; } let t = i / ${n}u; let row = i % ${n}u; var sum = 0.0;
        for (var j = 0u; j < ${n}u; j++) { let at = row * ${n}u + j; sum += half(at, w[at / 2u]) * x[t * ${n}u + j]; }
        y[i] = x[i] + sum / ${n}.0; }`,
    ),
  ];
}

/** One invocation per row, or one for all. */
function resultKernels({ hidden: n, length }: Shape, threshold: number): readonly Kernel[] {
  return [
    kernel(
      "drop",
      [
        ["w", "u32", "read"],
        ["s", "f32", "read"],
        ["result", "u32", "read_write"],
        ["counts", "i32", "read_write"],
      ],
      `fn kept(at: u32, v: f32) -> bool { return abs(v) * sqrt(s[at % ${n}u]) >= ${threshold}; }
      ${entry} { let row = id.x; if (row >= ${n}u) { return; } var count = 0;
        for (var k = row * ${n / 2}u; k < (row + 1u) * ${n / 2}u; k++) {
          var pair = unpack2x16float(w[k]);
          if (!kept(2u * k, pair.x)) { pair.x = 0.0; count++; }
          if (!kept(2u * k + 1u, pair.y)) { pair.y = 0.0; count++; }
          result[k] = pack2x16float(pair); }
        counts[row] = count; }`,
    ),
    kernel(
      "total",
      [
        ["counts", "i32", "read"],
        ["zeros", "i32", "read_write"],
      ],
      `${entry} { if (id.x > 0u) { return; } var sum = 0; for (var i = 0u; i < ${n}u; i++) { sum += counts[i]; } zeros[0] = sum; }`,
    ),
    kernel(
      "mean",
      [
        ["x", "f32", "read"],
        ["e", "f32", "read_write"],
      ],
      `${entry} { if (id.x > 0u) { return; } var sum = 0.0; for (var i = 0u; i < ${n * length}u; i++) { sum += x[i]; }
        e[0] = sum / ${n * length}.0; }`,
    ),
    kernel(
      "compare",
      [
        ["s", "f32", "read"],
        ["v", "f32", "read_write"],
        ["holds", "f32", "read_write"],
      ],
      `${entry} { if (id.x > 0u) { return; } var sum = 0.0; for (var i = 0u; i < arrayLength(&s); i++) { sum += s[i]; }
        v[0] = sum; holds[0] = select(0.0, 1.0, sum < 1e6); }`,
    ),
  ];
}

function programs({ hidden, length, vocabulary }: Shape, windows: number): readonly Program[] {
  const x: Dims = [
    ["token", length],
    ["hidden", hidden],
  ];
  const w: Dims = [
    ["out", hidden],
    ["in", hidden],
  ];
  const perWindow: Dims = [["sample", windows]];
  return [
    program(
      "embed",
      [
        slot(0, "tokens", "data", "i32", [["token", length]]),
        slot(1, "embed", "weight", "f16", [
          ["vocabulary", vocabulary],
          ["hidden", hidden],
        ]),
        slot(2, "x", "output", "f32", x),
      ],
      [["embed", [0, 1, 2], hidden * length]],
    ),
    program(
      "power",
      [slot(0, "x", "data", "f32", x), slot(1, "a0", "accumulator", "f32", [["in", hidden]])],
      [["power", [0, 1], hidden]],
    ),
    program(
      "block",
      [
        slot(0, "x", "data", "f32", x),
        slot(1, "layers.{layer}.w", "weight", "f16", w),
        slot(2, "x", "output", "f32", x),
      ],
      [["block", [0, 1, 2], hidden * length]],
    ),
    program(
      "drop",
      [
        slot(0, "w", "weight", "f16", w),
        slot(1, "s0", "state", "f32", [["in", hidden]]),
        slot(2, "result", "output", "f16", w),
        { id: 3, bytes: 4 * hidden, region: 0 },
        slot(4, "zeros", "output", "i32", []),
      ],
      [
        ["drop", [0, 1, 2, 3], hidden],
        ["total", [3, 4], 1],
      ],
    ),
    program("head", [slot(0, "x", "data", "f32", x), slot(1, "e0", "output", "f32", [])], [["mean", [0, 1], 1]]),
    program(
      "measure",
      [
        slot(0, "k0", "state", "f32", perWindow),
        slot(1, "v1", "output", "f32", []),
        slot(2, "v2", "output", "f32", []),
      ],
      [["compare", [0, 1, 2], 1]],
    ),
  ];
}

export interface PlanOptions {
  readonly threshold: number;
  readonly propagate: "compressed" | "dense";
  readonly windows: number;
  readonly tokens: number;
  /** Appended to the values: a second expectation that fails, for one. */
  readonly values?: readonly ValueRecord[];
}

/** Drops, evaluates, reports the sum of the means, expects it to be below a million, saves. */
export function handMadePlan(shape: Shape, options: PlanOptions): Plan {
  const { threshold, windows, tokens, values = [] } = options;
  const { steps, total, holds, dropped } = stepsOf(shape, options);
  const value = { kind: "report", of: null, place: "hand.lcomp:1:1" } as const;
  const saved = (name: string, rows: number, from: Ref) => ({ name, dtype: "F16", shape: [rows, shape.hidden], from });
  return {
    ...emptyPlan,
    models: [{ name: "model", architecture: "hand", headers: "0", layers: shape.layers, bytes: 0 }],
    corpora: [{ name: "text", splits: [{ split: "test", tokens, sha256: "0" }] }],
    windows: [{ corpus: "text", split: "test", length: shape.length, count: windows, seed: null }],
    stages: [{ name: "sparse", action: "drop", of: "model" }],
    steps,
    values: [
      { ...value, text: "layers", value: shape.layers },
      { ...value, text: "total(sparse)", of: { measure: "total", model: "sparse" }, value: total },
      { ...value, text: "total(sparse) < 1000000", kind: "expect", value: holds },
      ...values,
    ],
    saves: [
      {
        format: "safetensors",
        of: "sparse",
        origin: "model",
        config: {},
        quantization: null,
        tensors: [
          saved("embed", shape.vocabulary, { model: "model", tensor: "embed" }),
          ...dropped.map((from, layer) => saved(weightOf(layer), shape.hidden, from)),
        ],
      },
    ],
    programs: programs(shape, windows),
    kernels: kernels(shape, threshold),
  };
}

const weightOf = (layer: number): string => `layers.${layer}.w`;

/** The steps, and where the numbers and the new weights are. */
function stepsOf({ layers, hidden }: Shape, { propagate }: Pick<PlanOptions, "propagate">) {
  const steps: Step[] = [];
  const add = (each: Step, output: string): Ref => ({ step: steps.push(each) - 1, output });
  const sparse = (layer: number | null, what: string) => ({ part: { stage: 0, of: "sparse", layer, what } });
  const embed = { tokens: { windows: 0 }, embed: { model: "model", tensor: "embed" } };
  const block = (x: Ref, w: Ref, rest: Partial<Step>): Ref =>
    add(step("block", 0, { x, "layers.{layer}.w": w }, rest), "x");
  const dropped: Ref[] = [];
  let x = add(step("embed", 0, embed, sparse(null, "embedding")), "x");
  for (let layer = 0; layer < layers; layer++) {
    const w: Ref = { model: "model", tensor: weightOf(layer) };
    const checks = [{ output: "a0", must: "finite", otherwise: "the power of w is {n}" }] as const;
    const s0 = add(step("power", 0, { x }, { ...sparse(layer, "statistics"), checks }), "a0");
    const changes = { tensor: weightOf(layer), of: hidden ** 2, outputs: ["result"], zeros: "zeros" };
    const result = add(
      step(
        "drop",
        null,
        { w, s0 },
        {
          checks: [{ output: "result", must: "finite", otherwise: "the weight becomes {n}" }],
          durable: ["result"],
          part: { ...sparse(layer, "w").part, changes },
        },
      ),
      "result",
    );
    dropped.push(result);
    if (layer + 1 < layers) x = block(x, propagate === "compressed" ? result : w, sparse(layer, "outputs"));
  }
  const evaluated = (layer: number | null, what: string) => ({ part: { stage: null, of: "sparse", layer, what } });
  let y = add(step("embed", 0, embed, evaluated(null, "embedding")), "x");
  for (const [layer, w] of dropped.entries()) y = block(y, w, evaluated(layer, "outputs"));
  const checks = [{ output: "e0", must: "finite", otherwise: "the mean is {n} in window {window}" }] as const;
  const k0 = add(step("head", 0, { x: y }, { ...evaluated(null, "head"), checks }), "e0");
  const total = add(step("measure", null, { k0 }, { part: { ...evaluated(null, "measure").part, of: "" } }), "v1");
  return { steps, total, holds: { ...total, output: "v2" } as Ref, dropped };
}

/** All values of a tensor of a folder. */
export async function valuesOf(folder: string, name: string): Promise<Float32Array> {
  const { tensors } = await openCheckpoint(folder);
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`${folder} has no ${name}`);
  return toFloat32(await readTensor(tensor), "F16");
}

/** Blocks of 2 MiB. */
export const largeShape = (layers: number): Shape => ({ hidden: 1024, layers, length: 4, vocabulary: 4 });
