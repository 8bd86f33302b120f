import * as assert from "uvu/assert";
import type { Graph } from "../compiler/graph/graph.ts";
import type { DeviceFacts } from "../compiler/plan/device-facts.ts";
import { type CompiledGraph, compileGraph } from "../compiler/program.ts";
import { simplify } from "../compiler/simplify/simplify.ts";
import { bufferPool } from "../runtime/gpu/buffers.ts";
import { executor } from "../runtime/gpu/execute.ts";
import { validateWgsl } from "../runtime/gpu/validate.ts";
import { facts, type Words, words } from "./fuse-sketch.ts";
import { suite } from "./harness.ts";
import { cases, type MakeCase } from "./ops-cases.ts";
import { firstDifference } from "./ops-compare.ts";
import { composites } from "./ops-composites.ts";
import { randomOf, seed } from "./ops-random.ts";
import { type Bench, expectedOf, type Family, openBench } from "./ops-run.ts";
import { sketch } from "./ops-sketch.ts";

const families: readonly Family[] = ["software", "gpu"];
let bench: Promise<Bench> | undefined;

/** The case on the device as if it offered no more than `some` of its facts. */
async function compare(make: MakeCase, name: string, family: Family, some: Partial<DeviceFacts> = {}): Promise<void> {
  bench ??= openBench();
  const { device, run } = await bench;
  const made = make(randomOf(name, 3));
  const { outputs } = await run(made, family, { facts: { ...device.facts, ...some } });
  for (const [output, { values, tolerances }] of expectedOf(made)) {
    const difference = firstDifference(outputs.get(output), values, tolerances);
    if (difference !== undefined) assert.unreachable(`${name}: ${output}${difference}`);
  }
}

/** Cases in which every operand and result may lie in several parts. */
const parted: Readonly<Record<string, MakeCase>> = {
  ...Object.fromEntries((["add", "select", "reduce", "gather", "best", "merge"] as const).map((op) => [op, cases[op]])),
  ...composites,
};

for (const family of families)
  suite(`small bindings, ${family} schedules, LCOMP_SEED=${seed}`, ({ test }) => {
    for (const [name, make] of Object.entries(parted))
      test(`${name}, bound in parts of 40 KiB`, () =>
        compare(make, name, family, { maxStorageBufferBindingSize: 40 * 1024 }));
  });

const many: Readonly<Record<string, MakeCase>> = {
  "elements of a map": (random) => {
    const s = sketch(random);
    return s.case(s.op("mul", s.input({ row: 65_541, column: 3 }), s.input({ column: 3 })));
  },
  rows: (random) => {
    const s = sketch(random);
    const x = s.input({ row: 70_001, column: 3 });
    return s.case(s.reduce("sum", x, "column"), s.reduce("max", x, "column"));
  },
  "batches of a product": (random) => {
    const s = sketch(random);
    const [a, b] = [s.input({ batch: 66_000, m: 2, k: 2 }), s.input({ batch: 66_000, n: 1, k: 2 })];
    return s.case(s.reduce("sum", s.op("mul", a, b), "k"));
  },
};

/** One workgroup per element, row and output. */
const single: MakeCase = many["rows"] as MakeCase;
void single;
