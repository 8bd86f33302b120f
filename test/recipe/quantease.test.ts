/** Coordinate descent on codes, against NumPy in float64: figures of one layer, as ‖X(V − W)ᵀ‖ / ‖XWᵀ‖. */
import * as assert from "uvu/assert";
import { slotNames } from "../../compiler/graph/slots.ts";
import { number } from "../../compiler/language/number.ts";
import type { Value } from "../../compiler/language/value.ts";
import { suite } from "../harness/suite.ts";
import { areThere, closeShared, compressed, shared, valuesOf } from "./oracle-layer.ts";

const every = 128;

async function descended(bits: number, rounds: number, w?: Float64Array): Promise<Float64Array> {
  const given = new Map<string, Value>([
    ["bits", number(bits)],
    ["every", number(every)],
    ["symmetric", { kind: "boolean", value: false }],
    ["rounds", number(rounds)],
    ["damp", number(0.01)],
  ]);
  const method = { module: "std/quantize/quantease", name: "quantease" };
  const found = await compressed(method, given, w ? { w } : {});
  const fields = ["code", "scale", "zero"].map((field) => found.get(slotNames.field(slotNames.result, field)));
  return valuesOf(fields, (column) => Math.floor(column / every));
}

const close = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual / expected - 1) < 0.01, `${actual} is not ${expected}`);

/** Bits, rounds, and what NumPy finds. */
const table = [
  [4, 0, 0.10173],
  [4, 1, 0.02579],
  [4, 8, 0.02161],
  [3, 8, 0.04604],
] as const;

suite("quantease", ({ test, skip }) => {
  if (!areThere) skip("descent leaves as much as in float64", "../shared is absent");
  for (const [bits, rounds, expected] of areThere ? table : [])
    test(`${rounds} rounds with ${bits} bits leave as much as in float64`, async () => {
      const { layer } = await shared();
      close(layer.outputError(await descended(bits, rounds)), expected);
    });

  if (areThere)
    test("weights that are 0 stay so, and the others take over what rounding takes", async () => {
      const { layer } = await shared();
      const half: Value = { kind: "sparsity", share: number(0.5), pattern: null };
      const wanda = { module: "std/prune/wanda", name: "wanda" };
      const masked = (await compressed(wanda, new Map([["sparsity", half]]))).get(slotNames.result);
      const made = await descended(4, 4, masked);
      assert.ok(masked?.every((value, i) => value !== 0 || made[i] === 0));
      close(layer.outputError(made), 0.14174);
    });

  test("the device closes", closeShared);
});
