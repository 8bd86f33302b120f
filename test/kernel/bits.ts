/**
 * A process of its own for each adapter: prints a line with the hash of every output of every case, however it is scheduled.
 * Seed from LCOMP_SEED, names of cases as arguments (none for all), LCOMP_ROUNDS of each.
 */
import { createHash } from "node:crypto";
import type { Family } from "../../compiler/schedule/family.ts";
import { cases } from "../ops/cases.ts";
import { composites } from "../ops/composites.ts";
import { randomOf } from "../ops/random.ts";
import { openBench, type Run } from "../ops/run.ts";
import type { Case } from "../ops/sketch.ts";
import { sweeps } from "../ops/sweeps.ts";
import { drawnSchedules } from "../schedule/draw.ts";

const rounds = Number(process.env["LCOMP_ROUNDS"] ?? 1);
const names = process.argv.slice(2);
const { device, run } = await openBench();

const { LCOMP_ADAPTER: adapter, LP_NATIVE_VECTOR_WIDTH: width = "" } = process.env;

/** Subgroup matrices add in an order of their own, and SwiftShader has none. */
const without = ["matrix"] as const;

/** NaN is NaN, whatever its bits. Of |x| and -x a driver takes the cheaper one where x <= 0, so that the sign of 0 is its own. */
const hashOf = (values: Float64Array, isSigned: boolean): string => {
  const canonical = values.map((x) => (Number.isNaN(x) ? Number.NaN : x === 0 && !isSigned ? 0 : x));
  return createHash("sha256").update(canonical).digest("hex").slice(0, 16);
};

/** What the compiler chooses for software adapters, and draws from one of the families, another one on another adapter. */
async function runsOf(made: Case, name: string): Promise<readonly Run[]> {
  const family = randomOf(`${name} ${adapter} ${width}`).pick<Family>(["software", "gpu"]);
  const schedules = drawnSchedules(randomOf(`${name} ${family}`), { without });
  return [await run(made, "software"), await run(made, family, { schedules })];
}

for (const [name, make] of Object.entries({ ...cases, ...composites, ...sweeps })) {
  if (names.length > 0 && !names.includes(name)) continue;
  for (let round = 0; round < rounds; round++) {
    const made = make(randomOf(name, round));
    const runs = await runsOf(made, `${name} ${round}`);
    for (const { name: output } of made.graph.outputs) {
      const hashes = new Set(
        runs.map(({ outputs }) => hashOf(outputs.get(output) ?? new Float64Array(), name !== "operations at random")),
      );
      process.stdout.write(`${name}, round ${round}: ${output} ${[...hashes].join(" or ")}\n`);
    }
  }
}
device.close();
