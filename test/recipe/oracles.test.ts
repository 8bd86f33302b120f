/** Methods of the library, against what their authors' code returns for one layer. */
import * as assert from "uvu/assert";
import { slotNames } from "../../compiler/graph/slots.ts";
import { number } from "../../compiler/language/number.ts";
import type { Sparsity, Value } from "../../compiler/language/value.ts";
import { suite } from "../harness/suite.ts";
import { areThere, closeShared, columns, compressed, numbersIn, rows, shared, valuesOf } from "./oracle-layer.ts";

const half: Sparsity = { kind: "sparsity", share: number(0.5), pattern: null };
const twoOfFour: Sparsity = { kind: "sparsity", share: null, pattern: { keep: 2, of: 4 } };
const cases = [
  ["wanda-50", "std/prune/wanda", "wanda", half],
  ["wanda-2of4", "std/prune/wanda", "wanda", twoOfFour],
  ["magnitude-50", "std/prune/magnitude", "magnitude", half],
  ["magnitude-2of4", "std/prune/magnitude", "magnitude", twoOfFour],
] as const;

const rounded = ["rtn-4-g32-asym", "rtn-4-g128-asym", "rtn-4-g32-sym", "rtn-4-g64-sym", "rtn-4-g128-sym"];

suite("oracles", ({ test, skip }) => {
  for (const [file, module, name, sparsity] of cases) {
    const title = `${name} gives ${file}: masks at least 99.9 % equal, output error within 0.1 %`;
    if (!areThere) {
      skip(title, "../shared is absent");
      continue;
    }
    test(title, async () => {
      const [{ layer }, expected] = await Promise.all([shared(), numbersIn(file, "W")]);
      const outputs = await compressed({ module, name }, new Map([["sparsity", sparsity]]));
      const found = outputs.get("result") ?? new Float64Array();
      const equal = found.filter((value, i) => (value === 0) === (expected[i] === 0)).length;
      assert.ok(equal >= 0.999 * rows * columns, `${equal} of ${rows * columns} places agree`);
      assert.ok(
        found.every((value, i) => value === 0 || value === layer.w[i]),
        "what stays is unchanged",
      );
      const [ours, theirs] = [layer.outputError(found), layer.outputError(expected)];
      assert.ok(Math.abs(ours - theirs) <= 0.001 * theirs, `output error ${ours}, the oracle's ${theirs}`);
    });
  }
  for (const file of rounded) {
    const title = `rtn gives ${file}: codes at least 99 % equal, output error at most 0.1 % above, and what f16 scales add`;
    if (!areThere) {
      skip(title, "../shared is absent");
      continue;
    }
    test(title, async () => {
      const every = Number(/-g(\d+)-/.exec(file)?.[1]);
      const symmetric = file.endsWith("-sym");
      const given = new Map<string, Value>([
        ["bits", number(4)],
        ["every", number(every)],
        ["symmetric", { kind: "boolean", value: symmetric }],
      ]);
      const { layer } = await shared();
      const found = await compressed({ module: "std/quantize/rtn", name: "rtn" }, given);
      const [q, scales, zeros] = await Promise.all(["q", "scales", "zeros"].map((name) => numbersIn(file, name)));
      const [code, scale, zero] = ["code", "scale", "zero"].map((field) => found.get(slotNames.field("result", field)));
      const equal = (code ?? []).filter((value, i) => value === q?.[i]).length;
      assert.ok(equal >= 0.99 * rows * columns, `${equal} of ${rows * columns} codes agree`);
      const groupOf = (column: number): number => Math.floor(column / every);
      const ours = layer.outputError(valuesOf([code, scale, zero], groupOf));
      const theirs = layer.outputError(valuesOf([q, scales, zeros], groupOf));
      // The oracle's scales are f32: those of a file, f16, are off by 2^-11, which moves the error either way.
      assert.ok(ours <= (1.001 + 2 ** -11) * theirs, `output error ${ours}, the oracle's ${theirs}`);
    });
  }

  test("the device closes", closeShared);
});
