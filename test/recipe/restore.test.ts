/** Restoration between a mask and codes, against a solver in float64: figures of one layer, as ‖X(V − W)ᵀ‖ / ‖XWᵀ‖. */
import * as assert from "uvu/assert";
import { slotNames } from "../../compiler/graph/slots.ts";
import { number } from "../../compiler/language/number.ts";
import type { Value } from "../../compiler/language/value.ts";
import { suite } from "../harness/suite.ts";
import { areThere, closeShared, columns, compressed, rows, shared, valuesOf } from "./oracle-layer.ts";

const half: Value = { kind: "sparsity", share: number(0.5), pattern: null };
const every = 64;

const weightsIn = (outputs: ReadonlyMap<string, Float64Array>): Float64Array =>
  outputs.get(slotNames.result) ?? new Float64Array();

let masked: Promise<Float64Array> | undefined;

/** The layer with half of its weights, by Wanda. */
function wanda(): Promise<Float64Array> {
  const method = { module: "std/prune/wanda", name: "wanda" };
  masked ??= compressed(method, new Map([["sparsity", half]])).then(weightsIn);
  return masked;
}

/** That layer after so many rounds. */
async function restored(rounds: number): Promise<Float64Array> {
  const given = new Map<string, Value>([
    ["rounds", number(rounds)],
    ["damp", number(0.01)],
  ]);
  return weightsIn(await compressed({ module: "std/prune/restore", name: "restore" }, given, { w: await wanda() }));
}

/** What codes of a matrix stand for, zeros kept. */
async function coded(name: "rtn" | "gptq", bits: number, w: Float64Array): Promise<Float64Array> {
  const given = new Map<string, Value>([
    ["bits", number(bits)],
    ["every", number(every)],
    ...(["symmetric", "mse", "act_order"] as const).map((each) => [each, { kind: "boolean", value: false }] as const),
    ["damp", number(0.01)],
  ]);
  const found = await compressed({ module: `std/quantize/${name}`, name }, given, { w, keepsZeros: true });
  const fields = ["code", "scale", "zero"].map((field) => found.get(slotNames.field(slotNames.result, field)));
  return valuesOf(fields, (column) => Math.floor(column / every));
}

/** The error of each, in the order of the table; computed by NumPy in float64. */
const table: Readonly<Record<string, readonly [expected: number, made: () => Promise<Float64Array>]>> = {
  wanda: [0.13918, wanda],
  "4 rounds": [0.02504, () => restored(4)],
  "8 rounds": [0.0223, () => restored(8)],
  "16 rounds": [0.02178, () => restored(16)],
  "32 rounds": [0.02141, () => restored(32)],
  "wanda, rtn of 4 bits": [0.16148, async () => coded("rtn", 4, await wanda())],
  "wanda, gptq of 4 bits": [0.14745, async () => coded("gptq", 4, await wanda())],
  "16 rounds, rtn of 4 bits": [0.08534, async () => coded("rtn", 4, await restored(16))],
  "16 rounds, gptq of 4 bits": [0.05288, async () => coded("gptq", 4, await restored(16))],
  "16 rounds, rtn of 3 bits": [0.18162, async () => coded("rtn", 3, await restored(16))],
  "16 rounds, gptq of 3 bits": [0.10957, async () => coded("gptq", 3, await restored(16))],
};

/** XᵀX, of the tokens' mean, with 1 % of the mean of its diagonal there; row after row. */
function dampedMoment(x: Float64Array): Float64Array {
  const h = new Float64Array(columns * columns);
  const tokens = x.length / columns;
  for (let token = 0; token < tokens; token++) {
    const row = x.subarray(token * columns, (token + 1) * columns);
    for (const [i, a] of row.entries())
      for (const [j, b] of row.entries()) h[i * columns + j] = at(h, i * columns + j) + (a * b) / tokens;
  }
  let sum = 0;
  for (let i = 0; i < columns; i++) sum += at(h, i * (columns + 1));
  for (let i = 0; i < columns; i++) h[i * (columns + 1)] = at(h, i * (columns + 1)) + (0.01 * sum) / columns;
  return h;
}

const at = (values: Float64Array, i: number): number => values[i] ?? NaN;

/** The row that is 0 where `w` is and closest to `dense`: on what is kept, kept, δ = (h of kept, kept)⁻¹ (h of kept, removed) dense. */
function exactRow(h: Float64Array, dense: Float64Array, w: Float64Array): Float64Array {
  const of = (i: number, j: number): number => at(h, i * columns + j);
  const all = Array.from(dense.keys());
  const [kept, removed] = [all.filter((i) => w[i] !== 0), all.filter((i) => w[i] === 0)];
  const system = kept.map((i) => Float64Array.from(kept, (j) => of(i, j)));
  const right = Float64Array.from(kept, (i) => removed.reduce((sum, j) => sum + of(i, j) * at(dense, j), 0));
  const added = solved(system, right);
  const row = w.slice();
  for (const [i, column] of kept.entries()) row[column] = at(dense, column) + at(added, i);
  return row;
}

/** The solution of a positive definite system, by elimination. */
function solved(system: readonly Float64Array[], right: Float64Array): Float64Array {
  for (const [i, pivot] of system.entries())
    for (const [j, row] of system.slice(i + 1).entries()) {
      const factor = at(row, i) / at(pivot, i);
      for (let k = i; k < row.length; k++) row[k] = at(row, k) - factor * at(pivot, k);
      right[i + 1 + j] = at(right, i + 1 + j) - factor * at(right, i);
    }
  for (let i = right.length - 1; i >= 0; i--) {
    const row = system[i] as Float64Array;
    let sum = at(right, i);
    for (let k = i + 1; k < right.length; k++) sum -= at(row, k) * at(right, k);
    right[i] = sum / at(row, i);
  }
  return right;
}

suite("restoration", ({ test, skip }) => {
  if (!areThere) skip("restoration lowers errors as a solver in float64 does", "../shared is absent");
  for (const [title, [expected, made]] of Object.entries(areThere ? table : {}))
    test(`${title}: an error of ${expected} to 2 %`, async () => {
      const { layer } = await shared();
      const found = layer.outputError(await made());
      assert.ok(Math.abs(found / expected - 1) < 0.02, `an error of ${found}`);
    });

  if (areThere)
    test("sixteen rounds are within 3 % of the exact solution, in float64, and keep the mask", async () => {
      const { layer } = await shared();
      const [w, found] = await Promise.all([wanda(), restored(16)]);
      assert.ok(found.every((value, i) => value === 0 || w[i] !== 0));
      const exact = layer.w.slice();
      const some = layer.w.slice();
      const damped = dampedMoment(layer.x);
      for (let row = 0; row < rows; row += 16) {
        const at = row * columns;
        exact.set(exactRow(damped, layer.w.subarray(at, at + columns), w.subarray(at, at + columns)), at);
        some.set(found.subarray(at, at + columns), at);
      }
      const [ours, best] = [layer.outputError(some), layer.outputError(exact)];
      assert.ok(ours <= 1.03 * best, `an error of ${ours}, of the exact solution ${best}`);
    });

  test("the device closes", closeShared);
});
