import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { showGraph } from "../../compiler/graph/show.ts";
import type { Family } from "../../compiler/schedule/family.ts";
import { findAdapter } from "../../runtime/gpu/adapter.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { cases } from "../ops/cases.ts";
import { firstDifference } from "../ops/compare.ts";
import { composites } from "../ops/composites.ts";
import { exactly } from "../ops/exact.ts";
import { randomOf, seed } from "../ops/random.ts";
import { openBench } from "../ops/run.ts";
import { root } from "../repository/sources.ts";
import { drawnSchedules } from "../schedule/draw.ts";

const rounds = Number(process.env["LCOMP_ROUNDS"] ?? 10);
const hasLavapipe = (await findAdapter("lavapipe")) !== undefined;
const swiftShader = { LCOMP_ADAPTER: "swiftshader" };
const lavapipe = (width: string) => ({ LCOMP_ADAPTER: "lavapipe", LP_NATIVE_VECTOR_WIDTH: width });

/** What a program prints on an adapter: the environment chooses it. */
async function printed(environment: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, LCOMP_SEED: String(seed), ...environment };
  const { stdout } = await promisify(execFile)(process.execPath, [...args], { env });
  return stdout;
}

const bitsOn = async (environment: Readonly<Record<string, string>>): Promise<readonly string[]> =>
  (await printed(environment, join(root, "test/kernel/bits.ts"))).trimEnd().split("\n");

/** Of what rounds as sums and products do. */
const exact = ["sums and products at random", "sums of terms that cancel", "products of sums that cancel"];

async function compareExactly(name: string, family: Family): Promise<void> {
  const { device, run } = await openBench();
  const make = composites[name] ?? cases.add;
  // A GPU may fuse a product with a sum.
  for (let round = 0; round < (device.facts.software ? rounds : 0); round++) {
    const made = make(randomOf(name, round));
    const schedules = drawnSchedules(randomOf(`${name} ${family}`, round), { without: ["matrix"] });
    for (const options of [{}, { schedules }]) {
      const { outputs } = await run(made, family, options);
      for (const [output, expected] of exactly(made)) {
        const difference = firstDifference(outputs.get(output), expected, new Float64Array(expected.length));
        if (difference !== undefined)
          assert.unreachable(`round ${round}: ${output}${difference}\n${showGraph(made.graph)}`);
      }
    }
  }
  device.close();
}

let reference: Promise<readonly string[]> | undefined;

suite(`bits, LCOMP_SEED=${seed}`, ({ test, skip }) => {
  for (const width of ["128", "256", "512"]) {
    const name = `SwiftShader and lavapipe at ${width} bits agree on every case, however it is scheduled`;
    if (!hasLavapipe) skip(name, "this machine has no lavapipe");
    else
      test(name, async () => {
        reference ??= bitsOn(swiftShader);
        const [expected, actual] = await Promise.all([reference, bitsOn(lavapipe(width))]);
        assert.ok(expected.length > 90, `${expected.length} outputs`);
        assert.equal(actual, expected);
        assert.equal(
          actual.filter((line) => line.includes(" or ")),
          [],
          "schedules give different bits",
        );
      });
  }

  for (const family of ["software", "gpu"] as const)
    for (const name of exact)
      test(
        `${name} are those of the promised order to the bit, ${family} schedules`,
        () => compareExactly(name, family),
        "swiftshader",
      );

  const name = "the perplexity of examples/tiny on SwiftShader and on lavapipe agrees to 1e-6";
  if (!hasLavapipe) skip(name, "this machine has no lavapipe");
  else
    test(
      name,
      inFolder(async (folder) => {
        const text = join(folder, "text.jsonl");
        const lines = readFileSync(join(root, "examples/world/test.jsonl"), "utf8").split("\n");
        writeFileSync(text, lines.slice(0, 12).join("\n"));
        const model = join(root, "examples/tiny");
        const found = [swiftShader, lavapipe("256")].map(async (adapter) => {
          const args = ["eval", model, "--text", text, "--length", "128", "--json"];
          const result = JSON.parse(await printed(adapter, join(root, "runtime/cli/main.ts"), ...args));
          assert.ok(result.windows >= 4, `${result.windows} windows`);
          return Number(result.perplexity);
        });
        const [one = NaN, other = NaN] = await Promise.all(found);
        assert.ok(Math.abs(one - other) <= 1e-6 * other, `${one} and ${other}`);
      }),
    );
});
