import { execFileSync } from "node:child_process";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { findAdapter } from "../runtime/gpu/adapter.ts";
import { suite } from "./harness.ts";
import { seed } from "./ops-random.ts";

/** What the cases give on an adapter, a hash a line. */
function bitsOn(environment: Readonly<Record<string, string>>): readonly string[] {
  const env = { ...process.env, LCOMP_SEED: String(seed), ...environment };
  const output = execFileSync(process.execPath, [join(import.meta.dirname, "ops-bits.ts")], {
    env,
    encoding: "utf8",
    timeout: 240_000,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return output.trimEnd().split("\n");
}

const hasLavapipe = (await findAdapter("lavapipe")) !== undefined;
const widths = ["128", "256", "512"];
let reference: readonly string[] | undefined;

suite(`bits, LCOMP_SEED=${seed}`, ({ test, skip }) => {
  for (const width of widths) {
    const name = `SwiftShader and lavapipe at ${width} bits agree on every case`;
    if (!hasLavapipe) skip(name, "this machine has no lavapipe");
    else
      test(name, () => {
        reference ??= bitsOn({ LCOMP_ADAPTER: "swiftshader" });
        const actual = bitsOn({ LCOMP_ADAPTER: "lavapipe", LP_NATIVE_VECTOR_WIDTH: width });
        assert.equal(actual, reference);
      });
  }
});
