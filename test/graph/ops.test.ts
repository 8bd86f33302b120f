import * as assert from "uvu/assert";
import { showGraph } from "../../compiler/graph/show.ts";
import { type Family, families } from "../../compiler/schedule/family.ts";
import { suite } from "../harness/suite.ts";
import { cases, type MakeCase } from "../ops/cases.ts";
import { firstDifference } from "../ops/compare.ts";
import { composites } from "../ops/composites.ts";
import { randomOf, seed } from "../ops/random.ts";
import { type Bench, expectedOf, openBench } from "../ops/run.ts";
import { sweeps } from "../ops/sweeps.ts";

/** SwiftShader compiles each case for long: there it is drawn once. */
const rounds = Number(process.env["LCOMP_ROUNDS"] ?? (process.env["LCOMP_TEST_TAG"] === "swiftshader" ? 1 : 2));
let bench: Promise<Bench> | undefined;

/** Every round of the case, on one family, against the reference. */
async function compare(name: string, make: MakeCase, family: Family): Promise<void> {
  bench ??= openBench();
  const { run } = await bench;
  for (let round = 0; round < rounds; round++) {
    const made = make(randomOf(name, round));
    const { outputs } = await run(made, family);
    for (const [output, { values, tolerances }] of expectedOf(made)) {
      const difference = firstDifference(outputs.get(output), values, tolerances);
      if (difference !== undefined)
        assert.unreachable(`round ${round}: ${output}${difference}\n${showGraph(made.graph)}`);
    }
  }
}

for (const family of families)
  suite(`primitives, ${family} schedules, LCOMP_SEED=${seed}`, ({ test }) => {
    for (const [name, make] of Object.entries(cases)) test(name, () => compare(name, make, family), "swiftshader");
  });

for (const family of families)
  suite(`sweeps, ${family} schedules, LCOMP_SEED=${seed}`, ({ test }) => {
    for (const [name, make] of Object.entries(sweeps)) test(name, () => compare(name, make, family), "swiftshader");
  });

for (const family of families)
  suite(`composites, ${family} schedules, LCOMP_SEED=${seed}`, ({ test }) => {
    for (const [name, make] of Object.entries(composites)) test(name, () => compare(name, make, family));
  });
