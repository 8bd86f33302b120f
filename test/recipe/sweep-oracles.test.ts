/** GPTQ and SparseGPT of the library are as good as what their authors' code returns for one layer. */
import * as assert from "uvu/assert";
import { slotNames } from "../../compiler/graph/slots.ts";
import { number } from "../../compiler/language/number.ts";
import type { Sparsity, Value } from "../../compiler/language/value.ts";
import { suite } from "../harness/suite.ts";
import { filesOf, oracle, settingsOf } from "./gptq-oracles.ts";
import { areThere, closeShared, columns, compressed, numbersIn, rows, shared, valuesOf } from "./oracle-layer.ts";

/**
 * How far GPTQ may be above, for what it has otherwise: scales of f16, so that early codes differ, and all that follow; and grids of
 * runs as they lie, where the authors' are of runs in the order of the sweep, which no file lays side by side.
 */
const above = { inOrder: 1.006, actOrder: 1.013, eightBits: 1.013 };

const half: Sparsity = { kind: "sparsity", share: number(0.5), pattern: null };
const twoOfFour: Sparsity = { kind: "sparsity", share: null, pattern: { keep: 2, of: 4 } };

suite("sweeps of the library", ({ test, skip }) => {
  if (!areThere) skip("gptq and sparsegpt are as good as their oracles", "../shared is absent");
  for (const file of filesOf("gptq"))
    test(`gptq is as good as ${file}`, async () => {
      const { given, every, isActOrder } = settingsOf(file);
      const method = { module: "std/quantize/gptq", name: "gptq" };
      const found = await compressed(method, new Map([...given, ["damp", number(0.01)]]));
      const fields = ["code", "scale", "zero"].map((name) => found.get(slotNames.field(slotNames.result, name)));
      const { layer } = await shared();
      const ours = layer.outputError(valuesOf(fields, (column) => Math.floor(column / every)));
      const { error } = await oracle(file);
      const most = file.startsWith("gptq-8") ? above.eightBits : isActOrder ? above.actOrder : above.inOrder;
      assert.ok(ours <= most * error, `output error ${ours}, the oracle's ${error}`);
    });

  for (const file of filesOf("sparsegpt"))
    test(`${file}: masks at least 99.9 % equal, output error at most 0.1 % above`, async () => {
      const given = new Map<string, Value>([
        ["sparsity", file.endsWith("2of4") ? twoOfFour : half],
        ["damp", number(0.01)],
      ]);
      const found = await compressed({ module: "std/prune/sparsegpt", name: "sparsegpt" }, given);
      const made = found.get(slotNames.result) ?? new Float64Array();
      const expected = await numbersIn(file, "W");
      const equal = made.filter((value, i) => (value === 0) === (expected[i] === 0)).length;
      assert.ok(equal >= 0.999 * rows * columns, `${equal} of ${rows * columns} places agree`);
      assert.is(made.filter((value) => value === 0).length, (rows * columns) / 2);
      const { layer } = await shared();
      const [ours, theirs] = [layer.outputError(made), layer.outputError(expected)];
      assert.ok(ours <= 1.001 * theirs, `output error ${ours}, the oracle's ${theirs}`);
    });

  test("the device closes", closeShared);
});
