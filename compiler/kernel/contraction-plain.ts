/** Contractions with one invocation per output: for small or odd shapes, and where a device has nothing better. */
import type { Contraction, ContractionSchedule } from "../schedule/contraction.ts";
import type { Body } from "./body.ts";
import { declaredNothing, lines, nothing, sums } from "./contraction-text.ts";
import { beginning, lineGrid } from "./grid.ts";

type Plain = Extract<ContractionSchedule, { readonly kind: "plain" }>;

/** Invocations are numbered over `[batch][m][n]`. */
export function plainBody(c: Contraction, { workgroup }: Plain): Body {
  const outputs = c.batch * c.m * c.n;
  const grid = lineGrid(Math.ceil(outputs / workgroup));
  const wgsl = `${declaredNothing}

@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  let output = position * ${workgroup}u + lane;
  if (output >= ${outputs}u) { return; }
  let batch = output / ${c.m * c.n}u;
  let m = output / ${c.n}u % ${c.m}u;
  let n = output % ${c.n}u;${beginning(c.begins)}
  ${lines(c.accumulators, (i) => `var s${i} = ${nothing};`)}
  for (var k = 0u; k < ${c.k}u; k++) {
    let a = load_a(batch, m, k);
    ${lines(c.accumulators, (i) => `s${i} = fma(a, load_b${i}(batch, k, n), s${i});`, "    ")}
  }
  store(batch, m, n, ${sums(c, (i) => `s${i}`)});
}
`;
  return { wgsl, workgroups: grid.workgroups, features: [] };
}
