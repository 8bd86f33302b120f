/** What this machine does at most, measured: the floor of a line is its work at these rates. */

import type { Clock } from "../runtime/gpu/clock.ts";
import { words } from "../test/fuse/sketch.ts";
import type { Blas } from "./blas.ts";
import { timed } from "./clock.ts";
import { once } from "./line.ts";
import type { Work } from "./measure.ts";
import { openOurs, type Runtime } from "./ours.ts";
import { random } from "./values.ts";

/** Per millisecond. */
export interface Rates extends Work {
  /** Who computes at that rate. */
  readonly fastest: string;
}

const size = 1024;
const elements = 2 ** 22;

/** The rate of a copy by lcomp, and of BLAS where there is one, else of a product by lcomp. */
export async function measureRates(runtime: Runtime, clock: Clock, blas: Blas | undefined): Promise<Rates> {
  const copy = words("copy");
  const copied = copy.graph({ y: copy.op("neg", copy.data("x", { i: elements })) });
  const bytes = (8 * elements) / (await fastest(once(copied, { x: random(1, elements) }), runtime, clock));
  if (blas)
    return {
      bytes,
      operations: (2 * size ** 3) / (await blas.product({ m: size, n: size, k: size })),
      fastest: "BLAS",
    };
  const w = words("product");
  const sum = w.reduce("sum", w.op("mul", w.data("a", { m: size, k: size }), w.weight("b", { k: size, n: size })), "k");
  const inputs = { a: random(1, size, size), b: random(2, size, size) };
  const taken = await fastest(once(w.graph({ y: sum }), inputs), runtime, clock);
  return { bytes, operations: (2 * size ** 3) / taken, fastest: `lcomp's product ${size}` };
}

/** Milliseconds of the fastest of some runs. */
async function fastest(...[tasks, runtime, clock]: readonly [...Parameters<typeof openOurs>, Clock]): Promise<number> {
  const ours = await openOurs(tasks, runtime);
  await ours.run(2);
  const taken: number[] = [];
  for (let i = 0; i < 9; i++) taken.push(await timed(clock, () => ours.run(1)));
  ours.close();
  return Math.min(...taken);
}
