import * as assert from "uvu/assert";
import { showGraph } from "../../compiler/graph/show.ts";
import type { Contraction, ContractionSchedule } from "../../compiler/schedule/contraction.ts";
import { type Family, families } from "../../compiler/schedule/family.ts";
import { schedulesFor } from "../../compiler/schedule/schedule-contraction.ts";
import type { Schedules } from "../../compiler/schedule/schedules.ts";
import { demandedAdapter, deviceFacts, findAdapter } from "../../runtime/gpu/adapter.ts";
import { suite } from "../harness/suite.ts";
import { cases, type MakeCase } from "../ops/cases.ts";
import { firstDifference } from "../ops/compare.ts";
import { composites } from "../ops/composites.ts";
import { randomOf, seed, shape } from "../ops/random.ts";
import { type Bench, expectedOf, openBench } from "../ops/run.ts";
import { type Case, sketch } from "../ops/sketch.ts";
import { sweeps } from "../ops/sweeps.ts";
import { drawnSchedules } from "./draw.ts";

let bench: Promise<Bench> | undefined;

/** The case under these schedules against the reference. */
async function compare(made: Case, family: Family, schedules: Schedules): Promise<void> {
  bench ??= openBench();
  const { run } = await bench;
  const { outputs } = await run(made, family, { schedules });
  for (const [output, { values, tolerances }] of expectedOf(made)) {
    const difference = firstDifference(outputs.get(output), values, tolerances);
    if (difference !== undefined) assert.unreachable(`${output}${difference}\n${showGraph(made.graph)}`);
  }
}

/** Those that are more than one kernel's worth of choice. */
const drawn: Readonly<Record<string, MakeCase>> = {
  ...{ reduce: cases.reduce, best: cases.best },
  ...composites,
  ...sweeps,
};

for (const family of families) {
  const seen = new Set<string>();
  const schedules = drawnSchedules(randomOf(`schedules ${family}`), { seen });
  suite(`drawn schedules, ${family}, LCOMP_SEED=${seed}`, ({ test }) => {
    for (const [name, make] of Object.entries(drawn)) {
      test(`${name} stays within its tolerance`, () => compare(make(randomOf(name, 7)), family, schedules));
    }

    test("every kind of schedule was drawn", () => {
      const [ofProducts, ofRows] = { software: ["broadcast", "subgroup"], gpu: ["tiled", "workgroup"] }[family];
      for (const kind of ["contraction plain", `contraction ${ofProducts}`, "row invocation", `row ${ofRows}`])
        assert.ok(seen.has(kind), kind);
    });
  });
}

const product: Contraction = { batch: 1, m: 64, n: 64, k: 64, accumulators: 1, half: true };
const isMatrix = ({ kind }: ContractionSchedule): boolean => kind === "matrix";

/** Products of halves, whose factors a subgroup matrix can hold. */
const halves: MakeCase = (random) => {
  const s = sketch(random);
  const { batch, ...few } = shape(random, ["m", "n", "k", "batch"], 20_000);
  // Fewer, and a product is no contraction.
  const [m, n, k] = [few.m + 8, few.n + 8, few.k + 8];
  const half = { dtype: "f16" } as const;
  const x = s.input({ batch, m, k }, half);
  const [gate, up] = [s.input({ n, k }, { ...half, role: "weight" }), s.input({ batch, n, k }, half)];
  const sums = [gate, up].map((b) => s.reduce("sum", s.op("mul", x, b), "k"));
  const [first = x, second = x] = sums;
  return s.case(s.op("mul", first, 0.5), s.op("add", second, s.input({ n })));
};

const adapter = await findAdapter(demandedAdapter());
const canMultiply = adapter !== undefined && schedulesFor(product, deviceFacts(adapter), "gpu").some(isMatrix);

suite(`subgroup matrices, LCOMP_SEED=${seed}`, ({ test, skip }) => {
  for (let round = 0; round < 4; round++) {
    const title = `products of halves stay within their tolerance, round ${round}`;
    if (canMultiply)
      test(title, async () => {
        const seen = new Set<string>();
        const schedules = drawnSchedules(randomOf("matrices", round), { without: ["plain", "tiled"], seen });
        await compare(halves(randomOf("halves", round)), "gpu", schedules);
        assert.ok(seen.has("contraction matrix"));
      });
    else skip(title, "the adapter has no subgroup matrices that lcomp uses");
  }
});
