import * as assert from "uvu/assert";
import type { Graph } from "../../compiler/graph/graph.ts";
import { interpret, interpretNode, roundTo } from "../../compiler/graph/interpret.ts";
import { offsets, strides } from "../../compiler/graph/offsets.ts";
import type { NodeOf } from "../../compiler/graph/ops.ts";
import { count } from "../../compiler/graph/type.ts";
import { suite } from "../harness/suite.ts";
import { cases } from "../ops/cases.ts";
import { firstDifference } from "../ops/compare.ts";
import { composites } from "../ops/composites.ts";
import { randomOf, seed } from "../ops/random.ts";
import { type Case, sketch } from "../ops/sketch.ts";
import { sweeps } from "../ops/sweeps.ts";
import { tolerancesOf } from "../ops/tolerances.ts";

/** What a device might compute: every result rounded to f32, every sum one term after the other. */
function inSinglePrecision(graph: Graph, inputs: Case["inputs"]): ReadonlyMap<string, Float64Array> {
  const values: Float64Array[] = [];
  for (const node of graph.nodes) {
    const isSum = node.op === "reduce" && node.attrs.by === "sum" && node.type.dtype === "f32";
    const value = isSum ? sum(node, values) : interpretNode(node, values, inputs);
    values.push(node.type.dtype === "f32" ? value.map(Math.fround) : value);
  }
  return new Map(
    graph.outputs.map(({ name, node, store = node.type.dtype }) => [
      name,
      (values[node.id] as Float64Array).map((x) => roundTo(store, x)),
    ]),
  );
}

function sum({ inputs: [x], type }: NodeOf<"reduce">, values: readonly Float64Array[]): Float64Array {
  const result = new Float32Array(count(type));
  const to = offsets(x.type.dims, strides(type.dims));
  for (const [i, value] of (values[x.id] as Float64Array).entries()) result[to[i] as number]! += value;
  return Float64Array.from(result);
}

suite(`tolerances, LCOMP_SEED=${seed}`, ({ test }) => {
  for (const [name, make] of Object.entries({ ...cases, ...composites, ...sweeps }))
    test(`${name}: single precision stays within`, () => {
      for (let round = 0; round < 3; round++) {
        const { graph, inputs } = make(randomOf(name, round));
        const actual = inSinglePrecision(graph, inputs);
        const expected = interpret(graph, inputs);
        for (const [output, tolerances] of tolerancesOf(graph, inputs)) {
          const difference = firstDifference(actual.get(output), expected.get(output), tolerances);
          if (difference !== undefined) assert.unreachable(`round ${round}, ${output}${difference}`);
          const undecided = tolerances.filter((tolerance) => tolerance === Infinity).length;
          // Roots and logarithms of anything are NaN as often as not, and so is the factor of what is hardly positive definite.
          const isDecided =
            ["operations at random", "cholesky"].includes(name) || undecided <= tolerances.length / 10 + 3;
          assert.ok(isDecided, `${undecided} of ${tolerances.length} undecided`);
        }
      }
    });

  test("a lost term, a wrong sign and a lost tile edge are seen", () => {
    const s = sketch(randomOf("mutants"));
    const { graph, inputs } = s.case(
      s.reduce("sum", s.op("mul", s.input({ m: 20, k: 129 }), s.input({ n: 30, k: 129 })), "k"),
    );
    const expected = interpret(graph, inputs).get("y0") as Float64Array;
    const tolerances = tolerancesOf(graph, inputs).get("y0");
    const isSeen = (mutate: (x: number, i: number) => number): boolean =>
      firstDifference(expected.map(mutate), expected, tolerances) !== undefined;
    assert.not(isSeen((x) => Math.fround(x)));
    assert.ok(isSeen((x) => x * (1 + 1e-4)));
    assert.ok(isSeen((x, i) => (i === 599 ? 0 : x)));
    assert.ok(isSeen((x, i) => (i === 5 ? -x : x)));
  });
});
