/** A process of its own for each adapter: prints the hash of every output of every case, one a line. Seed from LCOMP_SEED. */
import { createHash } from "node:crypto";
import { cases } from "./ops-cases.ts";
import { composites } from "./ops-composites.ts";
import { randomOf } from "./ops-random.ts";
import { openBench } from "./ops-run.ts";

const { device, run } = await openBench();
for (const [name, make] of Object.entries({ ...cases, ...composites })) {
  const { words } = await run(make(randomOf(name)), "software");
  for (const [output, bytes] of words) {
    const hash = createHash("sha256").update(bytes).digest("hex");
    process.stdout.write(`${name}: ${output} ${hash.slice(0, 16)}\n`);
  }
}
device.close();
